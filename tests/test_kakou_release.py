"""A release is what its version says: CHANGELOG, tag, checksums and signature belong together."""

import re
import subprocess
import tomllib
from pathlib import Path

import pytest

from tests.commands import REPOSITORY

HEADING = re.compile(r"^## (.+)$", re.MULTILINE)
RELEASED = re.compile(r"(\d+)\.(\d+)\.(\d+) - (\d{4}-\d{2}-\d{2})")
PYPROJECT = '[project]\nname = "kakou"\nversion = "1.2.0"\n'
CHANGELOG = "# Changelog\n\n## Unreleased\n\n## 1.2.0 - 2026-11-29\n\n- What is new.\n\n## 1.2 - x\n\n- Old.\n"
BUNDLE = (
    """mkdir -p "$1/wheels"; echo wheel > "$1/wheels/kakou-1.2.0-py3-none-any.whl"; echo sbom > "$1/sbom.cdx.json"\n"""
)


def run(*command: str | Path, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    base = {"PATH": "/usr/bin:/bin", "HOME": str(folder), "GIT_CONFIG_NOSYSTEM": "1", "LC_ALL": "C.UTF-8"}
    return subprocess.run(command, cwd=folder, env=base | environment, capture_output=True, text=True, check=False)


def git(folder: Path, *words: str) -> str:
    done = run("git", "-c", "user.name=kakou", "-c", "user.email=kakou@example.org", *words, folder=folder)
    assert done.returncode == 0, done.stderr
    return done.stdout


def release(folder: Path, *words: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
    known = {"GIT_COMMITTER_NAME": "kakou", "GIT_COMMITTER_EMAIL": "kakou@example.org"}
    return run("sh", "deploy/release.sh", *words, folder=folder, **known, **environment)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A repository as the release finds it, whose bundle is made at once."""
    folder = tmp_path / "project"
    (folder / "deploy").mkdir(parents=True)
    (folder / "deploy" / "release.sh").write_bytes((REPOSITORY / "deploy" / "release.sh").read_bytes())
    (folder / "deploy" / "bundle.sh").write_text(BUNDLE)
    (folder / "pyproject.toml").write_text(PYPROJECT)
    (folder / "CHANGELOG.md").write_text(CHANGELOG)
    git(folder, "init", "-q")
    git(folder, "add", "-A")
    git(folder, "commit", "-qm", "1.2.0")
    return folder


def test_the_version_of_the_project_has_its_section_in_the_changelog():
    version = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    headings = HEADING.findall((REPOSITORY / "CHANGELOG.md").read_text(encoding="utf-8"))
    assert headings[0] == "Unreleased"
    found = [RELEASED.fullmatch(heading) for heading in headings[1:]]
    assert all(found), headings
    releases = [(tuple(map(int, one.groups()[:3])), one[4]) for one in found if one]
    assert releases == sorted(releases, reverse=True), "the newest first, by version and by day"
    assert ".".join(map(str, releases[0][0])) == version, "a new version has its section; a section its version"


def test_what_is_not_as_its_version_says_is_not_released(project: Path):
    for file, before, after, sentence in (
        ("pyproject.toml", "1.2.0", "1.3.0", "没有 ## 1.3.0 - 年-月-日 这一节"),
        ("CHANGELOG.md", "## 1.2.0 - 2026-11-29", "## 1.2.0", "没有 ## 1.2.0 - 年-月-日 这一节"),
        ("CHANGELOG.md", "- What is new.", "", "1.2.0 一节是空的"),
        ("CHANGELOG.md", "## Unreleased\n", "## Unreleased\n\n- More.\n", "Unreleased 下还有内容"),
        ("CHANGELOG.md", "# Changelog", "# Changes", "有未提交的改动"),
    ):
        path = project / file
        kept = path.read_text()
        path.write_text(kept.replace(before, after, 1))
        done = release(project, project / "out")
        assert (done.returncode, sentence in done.stderr) == (1, True), done.stderr
        path.write_text(kept)
    assert (git(project, "tag"), (project / "out").exists()) == ("", False)


def test_a_release_is_tagged_and_signed_and_made_again_from_its_own_commit_only(project: Path, tmp_path: Path):
    key, out = tmp_path / "release.pem", tmp_path / "out"
    assert run("openssl", "genpkey", "-algorithm", "ed25519", "-out", key, folder=tmp_path).returncode == 0
    assert release(project, "--check").returncode == 0
    assert git(project, "tag") == ""
    done = release(project, out, SIGN_KEY=str(key))
    assert done.returncode == 0, done.stderr
    assert git(project, "tag", "-l", "--format=%(refname:short) %(objecttype) %(contents)").split("\n")[0] == (
        "v1.2.0 tag - What is new."
    )
    assert (out / "kakou-1.2.0-notes.md").read_text().strip() == "- What is new."
    assert run("sha256sum", "-c", "--strict", "SHA256SUMS", folder=out).stdout.count(": OK") == 4
    run("openssl", "pkey", "-in", key, "-pubout", "-out", out / "release.pub", folder=out)
    verify = "openssl pkeyutl -verify -rawin -pubin -inkey release.pub -sigfile SHA256SUMS.sig -in SHA256SUMS"
    assert verify in (REPOSITORY / "CONTRIBUTING.md").read_text(encoding="utf-8")
    assert run(*verify.split(), folder=out).returncode == 0
    sums = (out / "SHA256SUMS").read_bytes()
    assert release(project, out).returncode == 0, "made once more, from the same commit"
    assert (out / "SHA256SUMS").read_bytes() == sums, "byte for byte"
    git(project, "commit", "-q", "--allow-empty", "-m", "more")
    done = release(project, out)
    assert (done.returncode, "v1.2.0 已是另一个提交" in done.stderr) == (1, True)
