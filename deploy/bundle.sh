#!/bin/sh
# Makes the offline bundle: deploy/bundle.sh OUT [ARCH...] (x86_64 aarch64). Needs the package index once, here.
# Wheels for Python VERSIONS, models inside kakou's own wheel, documents, checksums; signed where SIGN_KEY names a key.
set -eu
cd "$(dirname "$0")/.."
out=${1:?where to}; shift
python=${PYTHON:-.venv/bin/python}
versions=${VERSIONS:-3.11 3.12 3.13}
[ $# -gt 0 ] || set -- x86_64 aarch64
rm -rf "$out"; mkdir -p "$out/wheels"
"$python" -m pip wheel --quiet --disable-pip-version-check --no-deps --no-build-isolation --wheel-dir "$out/wheels" .
lock=$(mktemp); trap 'rm -f "$lock"' EXIT
for arch in "$@"; do
  for version in $versions; do
    "$python" -m kakou.installing.target_lock requirements-runtime.lock "$arch" "$version" > "$lock"
    echo "wheels: $arch, Python $version" >&2
    "$python" -m pip download --quiet --disable-pip-version-check --only-binary :all: --require-hashes --dest "$out/wheels/$arch" \
      --platform "manylinux_2_28_$arch" --platform "manylinux_2_27_$arch" --platform "manylinux_2_17_$arch" --platform "manylinux2014_$arch" \
      --python-version "$version" --implementation cp -r "$lock"
  done
done
cp -r docs README.md LICENSE NOTICE requirements-box.lock requirements-runtime.lock "$out/"
cp deploy/install.sh "$out/install.sh"
chmod +x "$out/install.sh"
"$python" -m kakou.installing.sbom > "$out/sbom.cdx.json"
(cd "$out" && find . -type f ! -name SHA256SUMS | sort | xargs sha256sum > SHA256SUMS)
if [ -n "${SIGN_KEY:-}" ]; then
  openssl pkeyutl -sign -rawin -inkey "$SIGN_KEY" -in "$out/SHA256SUMS" -out "$out/SHA256SUMS.sig"
fi
du -sh "$out" >&2
