#!/usr/bin/python3
"""Stands in for systemctl where there is no systemd: starts what a unit says, as its user, with its credentials.

What it prints goes to /var/log/UNIT.log, which the stand-in of journalctl reads. Of a unit it knows ExecStart, User,
SupplementaryGroups, RuntimeDirectory and LoadCredential; the hardening is systemd's.
"""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

UNITS = (Path("/etc/systemd/system"), Path("/lib/systemd/system"))


def settings_of(unit: str) -> dict[str, list[str]]:
    path = next((folder / f"{unit}.service" for folder in UNITS if (folder / f"{unit}.service").exists()), None)
    if path is None:
        sys.exit(f"Unit {unit}.service not found.")
    found: dict[str, list[str]] = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        name, sign, value = line.partition("=")
        if sign and not line.startswith("#"):
            found.setdefault(name, []).append(value)
    return found


def start(unit: str) -> None:
    said = settings_of(unit)
    user = said["User"][0]
    for name in said.get("RuntimeDirectory", []):
        Path("/run", name).mkdir(mode=0o2755, exist_ok=True)
        shutil.chown(Path("/run", name), user, user)
    for value in said.get("LoadCredential", []):
        name, _, source = value.partition(":")
        folder = Path("/run/credentials", f"{unit}.service")
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copy(source, folder / name)
        shutil.chown(folder / name, user)
    groups = ["--init-groups"]
    with Path(f"/var/log/{unit}.log").open("ab") as log:
        process = subprocess.Popen(
            ["setpriv", "--reuid", user, "--regid", user, *groups, *said["ExecStart"][0].split()],
            stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True, cwd="/",
            env={"PATH": os.environ["PATH"], "LANG": "C.UTF-8", "INVOCATION_ID": "0" * 32},
        )  # fmt: skip
    Path(f"/run/{unit}.pid").write_text(str(process.pid))


def stop(unit: str) -> None:
    path = Path(f"/run/{unit}.pid")
    if not path.exists():
        return
    pid = int(path.read_text())
    path.unlink()
    try:
        os.kill(pid, signal.SIGTERM)
        while Path(f"/proc/{pid}/cmdline").read_bytes():  # empty: it ended, and nobody has waited for it
            time.sleep(0.1)
    except (ProcessLookupError, FileNotFoundError):
        return


def main(words: list[str]) -> None:
    verb, *units = [word for word in words if word not in ("--now", "--no-pager")]
    if verb == "daemon-reload":
        return
    if verb not in ("enable", "start", "restart", "stop"):
        sys.exit(f"the stand-in knows no {verb}")
    for unit in units:
        stop(unit)
        if verb != "stop":
            start(unit)


if __name__ == "__main__":
    main(sys.argv[1:])
