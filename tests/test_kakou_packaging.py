"""What is handed to others: SBOM, NOTICE, image and compose files, and a bundle that installs without a network."""

import hashlib
import itertools
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from kakou.installing.sbom import LOCK, document, notice, parts
from kakou.installing.target_lock import holds
from tests.commands import REPOSITORY

DEPLOY = REPOSITORY / "deploy"
MACHINE = os.uname().machine
TAG = f"cp{sys.version_info[0]}{sys.version_info[1]}"


def test_the_sbom_and_the_notice_name_every_package_of_the_runtime_lock():
    lock = LOCK.read_text(encoding="utf-8")
    found = parts(lock)
    assert {"numpy", "onnxruntime", "redis", "fastapi"} <= {part.name for part in found}
    assert not {"pytest", "mypy", "playwright", "ruff"} & {part.name for part in found}, "no tools of tests"
    made = document(lock, "1.0.0")
    assert made["bomFormat"] == "CycloneDX"
    libraries = [one for one in made["components"] if one["type"] == "library"]
    assert [one["name"] for one in libraries] == [part.name for part in found]
    assert all(one["hashes"] and one["purl"].endswith(f"@{one['version']}") for one in libraries)
    assert {one["name"] for one in made["components"]} >= {"detector.onnx", "recognizer.onnx"}
    assert json.dumps(document(lock, "1.0.0")) == json.dumps(made)
    kept = (REPOSITORY / "NOTICE").read_text(encoding="utf-8")
    assert [part.name for part in found if f"{part.name} {part.version}:" not in kept] == [], "make notice"
    assert notice(lock).splitlines()[0] == kept.splitlines()[0]


def test_the_image_runs_without_rights_and_tells_how_it_is():
    lines = (DEPLOY / "Dockerfile").read_text(encoding="utf-8").splitlines()
    bases = [line for line in lines if line.startswith("FROM ")]
    assert all(re.match(r"FROM \S+:\S+", line) and ":latest" not in line for line in bases)
    assert "USER 10001" in lines
    assert any(line.startswith("HEALTHCHECK") for line in lines)
    assert "ARG LOCK=requirements-runtime.lock" in lines
    assert any('--require-hashes -r "${LOCK}"' in line for line in lines)


def test_the_containers_have_no_rights_to_lose():
    services = yaml.safe_load((DEPLOY / "compose.yaml").read_text(encoding="utf-8"))["services"]
    assert set(services) == {"run", "redis", "risk", "deliver", "console"}
    for name, service in services.items():
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert service["profiles"] in (["box"], ["centre"]), name
        assert name == "redis" or service["read_only"], name


STAND_IN = """case "$2 $3" in
"pip wheel") mkdir -p "$OUT/wheels" && touch "$OUT/wheels/kakou-0-py3-none-any.whl" ;;
"pip download")
  while [ $# -gt 0 ]; do
    case "$1" in --dest) dest=$2 ;; --python-version) version=$2 ;; -r) lock=$2 ;; esac
    shift
  done
  mkdir -p "$dest" && cp "$lock" "$dest/$version" ;;
*) exec "$REAL" "$@" ;;
esac"""
"""Python whose pip keeps what it is to fetch, in the place of fetching it."""


def test_a_bundle_holds_what_each_machine_asks_for_whatever_python_it_was_made_under(tmp_path: Path):
    out, python = tmp_path / "bundle", stand_ins(tmp_path, {"python": STAND_IN}) / "python"
    environment = {**os.environ, "PYTHON": str(python), "OUT": str(out), "REAL": sys.executable}
    made = subprocess.run(
        ["sh", DEPLOY / "bundle.sh", out, "x86_64", "aarch64"], env=environment, capture_output=True, check=False
    )
    assert made.returncode == 0, made.stderr.decode()
    pinned = re.compile(r"^(\S+==\S+)(?: ; (.+?))? \\$", re.MULTILINE)
    wanted = [pinned.findall((out / f"requirements-{role}.lock").read_text()) for role in ("box", "runtime")]
    for architecture, minor in itertools.product(("x86_64", "aarch64"), ("3.11", "3.12", "3.13")):
        fetched = (out / "wheels" / architecture / minor).read_text()
        assert ";" not in fetched, "pip would ask its own machine"
        names = [name for name, _ in pinned.findall(fetched)]
        assert len(names) == len({name.partition("==")[0] for name in names}), "one version of each package"
        assert all(f"{name} \\\n    --hash=sha256:" in fetched for name in names)
        for patch in (0, 2, 3, 9):
            asked = {
                name
                for name, marker in itertools.chain(*wanted)
                if not marker or holds(marker, architecture, f"{minor}.{patch}")
            }
            assert asked <= set(names), (architecture, minor, patch, asked - set(names))


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    """A bundle as install.sh finds it, without what takes room."""
    folder = tmp_path / "bundle"
    (folder / "wheels" / MACHINE).mkdir(parents=True)
    (folder / "wheels" / MACHINE / f"numpy-1-{TAG}-any.whl").write_text("no wheel")
    shutil.copy(DEPLOY / "install.sh", folder)
    (folder / "requirements-runtime.lock").write_text("")
    seal(folder)
    return folder


def seal(folder: Path) -> None:
    paths = [path for path in folder.rglob("*") if path.is_file() and path.name != "SHA256SUMS"]
    sums = [f"{hashlib.sha256(path.read_bytes()).hexdigest()}  ./{path.relative_to(folder)}\n" for path in paths]
    (folder / "SHA256SUMS").write_text("".join(sums))


def stand_ins(folder: Path, programs: dict[str, str]) -> Path:
    """Write programs that stand in for others; return their folder."""
    (folder / "bin").mkdir(exist_ok=True)
    for name, script in programs.items():
        (folder / "bin" / name).write_text(f"#!/bin/sh\n{script}\n")
        (folder / "bin" / name).chmod(0o755)
    return folder / "bin"


def install(bundle: Path, *arguments: str | Path, **programs: str) -> subprocess.CompletedProcess[str]:
    """Run install.sh; `programs` stand in for others of the machine."""
    fake = stand_ins(bundle.parent, programs)
    environment = {"PATH": f"{fake}:{os.environ['PATH']}", "PYTHON": sys.executable}
    return subprocess.run(
        [bundle / "install.sh", *map(str, arguments)], env=environment, capture_output=True, text=True, check=False
    )


def test_a_machine_that_the_bundle_is_not_for_is_a_sentence_and_nothing_is_installed(bundle: Path, tmp_path: Path):
    into = tmp_path / "opt" / "kakou"
    done = install(bundle, into, uname="echo riscv64")
    assert (done.returncode, "没有 riscv64 的文件" in done.stderr) == (1, True)
    (tmp_path / "bin" / "uname").unlink()
    done = install(bundle, into, df="printf 'x\\n/dev/a 9 9 100 9 /\\n'")
    assert (done.returncode, "只剩 100 MB" in done.stderr) == (1, True)
    (tmp_path / "bin" / "df").unlink()
    (bundle / "wheels" / MACHINE / f"numpy-1-{TAG}-any.whl").write_text("damaged")
    done = install(bundle, into)
    assert (done.returncode, "安装包已损坏" in done.stderr) == (1, True)
    assert not into.exists()


def test_a_python_that_is_too_old_is_a_sentence(bundle: Path, tmp_path: Path):
    old = 'case "$*" in *version_info*) exit 1;; *) echo Python 3.8.1;; esac'
    fakes = dict.fromkeys(("python3", "python3.11", "python3.12", "python3.13"), old)
    environment = {"PATH": f"{tmp_path / 'bin'}:/usr/bin:/bin"}
    stand_ins(tmp_path, fakes)
    done = subprocess.run(
        [bundle / "install.sh", tmp_path / "opt"], env=environment, capture_output=True, text=True, check=False
    )
    assert (done.returncode, "需要 Python 3.11、3.12 或 3.13" in done.stderr) == (1, True)


def test_a_folder_of_somebody_else_is_neither_replaced_nor_removed(bundle: Path, tmp_path: Path):
    other = tmp_path / "other"
    other.mkdir()
    (other / "notes").write_text("mine")
    assert install(bundle, other).returncode == 1
    assert install(bundle, "--remove", other).returncode == 1
    assert (other / "notes").read_text() == "mine"


@pytest.mark.long
def test_the_bundle_installs_demonstrates_and_goes_without_any_network(tmp_path: Path):
    version = ".".join(map(str, sys.version_info[:2]))
    environment = {**os.environ, "VERSIONS": version, "PYTHON": sys.executable}
    made = subprocess.run(
        [DEPLOY / "bundle.sh", tmp_path / "bundle", MACHINE],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if made.returncode and "CI" not in os.environ:
        pytest.skip(f"the package index cannot be reached: {made.stderr[-200:]}")
    assert made.returncode == 0, made.stderr
    home, into = tmp_path / "home", tmp_path / "opt" / "kakou"
    home.mkdir()
    bare = {"PATH": f"{Path(sys.executable).resolve().parent}:/usr/bin:/bin", "HOME": str(home)}

    def alone(*command: str | Path) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["unshare", "--net", *command], env=bare, cwd=home, capture_output=True, text=True, check=False
        )

    installed = alone(tmp_path / "bundle" / "install.sh", into)
    assert installed.returncode == 0, installed.stderr
    demo = alone(into / "bin" / "kakou", "demo", "--folder", home / "demo")
    assert demo.returncode == 0, demo.stderr
    assert "苏E5G806  小型汽车  命中" in demo.stdout
    assert alone(tmp_path / "bundle" / "install.sh", "--remove", into).returncode == 0
    assert [path.name for path in into.parent.iterdir()] == []
    assert {path.name for path in home.iterdir()} <= {"demo", ".cache"}
