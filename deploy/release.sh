#!/bin/sh
# Makes a release of the commit that is checked out: deploy/release.sh OUT (tag, notes, offline bundle, SBOM, checksums).
# --check alone says whether it could. SIGN_KEY names an Ed25519 key in PEM form; without it nothing is signed, and it says so.
set -eu
cd "$(dirname "$0")/.."
fail() { echo "错误 $*" >&2; exit 1; }
version=$(sed -n 's/^version = "\(.*\)"$/\1/p' pyproject.toml | head -n 1)
tag=v$version
section() { awk -v heading="$1" 'substr($0, 1, 3) == "## " {inside = index($0 " ", heading " ") == 1; next} inside' CHANGELOG.md; }
grep -q "^## $version - [0-9]\{4\}-[0-9][0-9]-[0-9][0-9]$" CHANGELOG.md || fail "CHANGELOG.md 没有 ## $version - 年-月-日 这一节：先写好，再发布"
[ -n "$(section "## $version" | tr -d '[:space:]')" ] || fail "CHANGELOG.md 的 $version 一节是空的"
[ -z "$(section "## Unreleased" | tr -d '[:space:]')" ] || fail "CHANGELOG.md 的 Unreleased 下还有内容：归入新版本，并改 pyproject.toml 的 version"
[ -z "$(git status --porcelain)" ] || fail "工作区有未提交的改动：先提交"
tagged=$(git rev-parse -q --verify "refs/tags/$tag^{commit}" || true)
[ -z "$tagged" ] || [ "$tagged" = "$(git rev-parse HEAD)" ] || fail "$tag 已是另一个提交：改 pyproject.toml 的 version"
if [ "${1:-}" = --check ]; then echo "$tag 可以发布" >&2; exit 0; fi
out=${1:?写到哪个文件夹}
name=kakou-$version
mkdir -p "$out"
out=$(cd "$out" && pwd)
section "## $version" > "$out/$name-notes.md"
sh deploy/bundle.sh "$out/$name" ${ARCHES:-}
cp "$out/$name/sbom.cdx.json" "$out/$name-sbom.cdx.json"
cp "$out/$name"/wheels/kakou-*.whl "$out/"
tar -C "$out" --sort=name --owner=0 --group=0 --numeric-owner --mtime="@$(git log -1 --format=%ct)" -cf - "$name" | gzip -n > "$out/$name-bundle.tar.gz"
rm -rf "${out:?}/$name"
cd "$out"
sha256sum -- "$name"-* > SHA256SUMS
if [ -n "${SIGN_KEY:-}" ]; then
  openssl pkeyutl -sign -rawin -inkey "$SIGN_KEY" -in SHA256SUMS -out SHA256SUMS.sig
else
  echo "没有签名：SIGN_KEY=密钥文件 可签" >&2
fi
cd "$OLDPWD"
[ -n "$tagged" ] || git tag -a "$tag" -F "$out/$name-notes.md"
echo "$tag 在 $out；接着：git push origin $tag，上传这些文件" >&2
