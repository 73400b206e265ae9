"""The engineer's walk: docs/first-alert.md is typed as it stands, on two machines, until a plate is on the screen."""

import os
import re
import shutil
import subprocess
import sys
import time
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from kakou.settings import Settings
from tests.commands import REPOSITORY
from tests.walk_machines import Machine, can_make_machines, connect, machine

PAGE = REPOSITORY / "docs" / "first-alert.md"
REPLICA = PAGE.with_name("replica.md")
BLOCK = re.compile(r"^```sh\n# (\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
CENTRE, BOX = "10.77.0.1", "10.77.0.2"
OFFICER = REPOSITORY / "tests" / "docs_walk_officer.py"
LISTED = "苏E5G806"
needs_machines = pytest.mark.skipif(
    not can_make_machines() and "CI" not in os.environ,
    reason="needs root on Debian 12: apt-get install python3.11-venv redis-server iproute2 util-linux systemd git make",
)


def blocks() -> list[tuple[str, str]]:
    """Return machine and script of every block of the page, in order."""
    return BLOCK.findall(PAGE.read_text(encoding="utf-8"))


def test_every_block_of_the_page_says_on_which_machine_it_is_typed():
    text = PAGE.read_text(encoding="utf-8")
    assert text.count("```") == 2 * len(blocks())
    assert {name for name, _ in blocks()} == {"centre", "box"}


def test_the_settings_of_the_page_are_settings_and_its_rights_are_those_of_the_replica_page():
    text = PAGE.read_text(encoding="utf-8")
    centre, box = re.findall(r"^cat > /etc/kakou/kakou.toml <<'END'\n(.*?)^END$", text, re.MULTILINE | re.DOTALL)
    Settings.model_validate(tomllib.loads(centre))
    Settings.model_validate(tomllib.loads(box))
    rights = re.search(r"ACL SETUSER kakou-box on >PASSWORD (.*)", REPLICA.read_text(encoding="utf-8"))
    assert rights is not None
    assert f"user kakou-box on >BOX_PASSWORD {rights[1]}\n" in text


@pytest.fixture
def repository(tmp_path: Path) -> None:
    """A stick with a repository that has this tree as its one commit: what a newcomer clones."""
    folder = tmp_path / "stick" / "source"
    names = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=REPOSITORY, capture_output=True, check=True,
    ).stdout.decode()  # fmt: skip
    for name in filter(None, names.split("\0")):
        if (REPOSITORY / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(REPOSITORY / name, folder / name)
    for words in ("init -q", "add -A", "-c user.name=a -c user.email=a@example.org commit -qm walk"):
        subprocess.run(["git", *words.split()], cwd=folder, check=True)


@pytest.fixture
def machines(tmp_path: Path) -> Iterator[dict[str, Machine]]:
    # A folder to look at again after a failure; with .venv inside, the program is not installed anew.
    kept = Path(os.environ["KAKOU_WALK_OPT"]) if "KAKOU_WALK_OPT" in os.environ else tmp_path
    with (
        machine("centre", tmp_path / "centre", kept / "opt-centre", tmp_path / "stick") as centre,
        machine("box", tmp_path / "box", kept / "opt-box", tmp_path / "stick") as box,
    ):
        connect(centre, CENTRE, box, BOX)
        yield {"centre": centre, "box": box}
    shutil.rmtree(tmp_path)  # a gigabyte of packages


def type_in(where: Machine, script: str) -> subprocess.CompletedProcess[str]:
    """Type a block. Packages of Debian are this machine's already; the program comes before the cable is cut."""
    lines = [line for line in script.splitlines() if not line.startswith("apt-get ")]
    installing = [line for line in lines if line.startswith("git clone URL")]
    for line in installing:
        if where.run("test -e /opt/kakou/.venv/bin/kakou").returncode:
            done = where.run(line.replace("URL", "file:///media/source"), has_internet=True)
            assert done.returncode == 0, f"{line}\n{done.stdout}{done.stderr}"
    return where.run("\n".join(line for line in lines if line not in installing))


def until(is_so: str, where: Machine, within_s: float) -> None:
    deadline = time.monotonic() + within_s
    while where.run(is_so).returncode:
        assert time.monotonic() < deadline, is_so
        time.sleep(1)


@needs_machines
@pytest.mark.long
@pytest.mark.usefixtures("repository")
def test_from_nothing_to_a_flagged_vehicle_on_the_screen_as_the_page_says(machines: dict[str, Machine]):
    centre, box = machines["centre"], machines["box"]
    link = ""
    for name, script in blocks():
        if "kakou events" in script:  # a person who reads on has waited for what was just started
            asked = "runuser -u kakou -- /opt/kakou/.venv/bin/kakou events --config /etc/kakou/kakou.toml"
            until(f"{asked} | grep {LISTED}", centre, 180)
            until("journalctl --no-pager -u kakou-console | grep /setup/", centre, 60)
        done = type_in(machines[name], script)
        told = "\n".join(each.log(unit) for each, unit in ((centre, "kakou-console"), (box, "kakou-run")))
        assert done.returncode == 0, f"{name}: {script}\n{done.stdout}{done.stderr}\n{told}"
        if "setup" in done.stdout:
            link = done.stdout.split()[-1]
    assert link.startswith("https://centre.example:8443/setup/")
    # From the box's side of the cable, by the name and the authority that the page made.
    officer = f"{sys.executable} {OFFICER} https://centre.example:8443 {link} /etc/kakou/ca.pem {LISTED} 60"
    seen = box.run(f"cd /tmp && PYTHONPATH={REPOSITORY} {officer}")
    assert (seen.returncode, seen.stdout.split()) == (0, ["False", "已办结"]), seen.stderr
    assert refused(box, "redis-cli -h centre.example --tls --cacert /etc/kakou/ca.pem GET risk:meta"), (
        "nobody's password"
    )
    asked = "redis-cli -h centre.example --tls --cacert /etc/kakou/ca.pem --user kakou-box --pass BOX_PASSWORD"
    assert refused(box, f"{asked} SMEMBERS risk:hot"), "a box writes its events and reads no list there"


def refused(where: Machine, command: str) -> bool:
    return bool(re.search("NOAUTH|NOPERM|WRONGPASS", where.run(f"{command} 2>&1 || true").stdout))
