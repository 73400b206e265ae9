"""Two machines that are one: each has a network, processes and a root folder of its own, a thin layer over this one's.

Needs root, overlayfs, `unshare` and `ip`. What a machine writes is in memory and goes with it.
"""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
STAND_IN = Path(__file__).with_name("stand_in_systemctl.py")
MAKE_ROOT = """
set -e
mount --make-rprivate /
mount -t tmpfs -o mode=0755 tmpfs "$1"
mkdir "$1/above" "$1/work" "$1/root"
mount -t overlay overlay -o "lowerdir=/,upperdir=$1/above,workdir=$1/work" "$1/root"
cd "$1/root"
mount -t proc proc proc
mount --rbind /dev dev
mount -t tmpfs -o mode=0755 tmpfs run
mount -t tmpfs -o mode=1777 tmpfs tmp
mkdir -p opt media
mount --bind "$2" opt
mount --bind "$3" media
rm -rf etc/kakou var/lib/kakou var/lib/redis && install -d -o redis -g redis -m 0750 var/lib/redis
install -m 0755 "$4" usr/local/bin/systemctl
printf '#!/bin/sh\\nfor unit; do :; done\\ncat /var/log/$unit.log\\n' > usr/local/bin/journalctl
chmod 0755 usr/local/bin/journalctl
ip link set lo up
echo ready
exec sleep infinity
"""


@dataclass(frozen=True, slots=True)
class Machine:
    name: str
    holder: "subprocess.Popen[bytes]"
    """Its first process: when it ends, all of its processes do."""
    folder: Path

    @property
    def pid(self) -> int:
        """Of the first process, as this machine counts."""
        children = Path(f"/proc/{self.holder.pid}/task/{self.holder.pid}/children").read_text().split()
        return int(children[0])

    def run(
        self, script: str, *, has_internet: bool = False, timeout_s: float = 900.0
    ) -> subprocess.CompletedProcess[str]:
        """Run a script of bash as root, with the network of this test's own machine where it `has_internet`."""
        spaces = ["--mount", "--pid", *([] if has_internet else ["--net"])]
        command = ["nsenter", "-t", str(self.pid), *spaces, "chroot", str(self.folder / "root"), "bash", "-ec", script]
        kept = {name: value for name, value in os.environ.items() if name.startswith(("PIP_", "http", "SSL_"))}
        environment = {**kept, "PATH": PATH, "HOME": "/root", "LANG": "C.UTF-8", "NO_COLOR": "1", "COLUMNS": "200"}
        return subprocess.run(
            command, env=environment, capture_output=True, text=True, check=False, timeout=timeout_s, cwd="/"
        )

    def log(self, unit: str) -> str:
        return self.run(f"cat /var/log/{unit}.log 2>/dev/null || true").stdout


@contextmanager
def machine(name: str, folder: Path, opt: Path, stick: Path) -> Iterator[Machine]:
    """A machine whose /opt and /media are these folders. Raises OSError where the kernel gives none."""
    folder.mkdir()
    opt.mkdir(exist_ok=True)
    stick.mkdir(exist_ok=True)
    holder = subprocess.Popen(
        ["unshare", "--mount", "--net", "--pid", "--fork", "--kill-child", "bash", "-c", MAKE_ROOT, "bash",
         folder, opt, stick, STAND_IN],
        stdout=subprocess.PIPE,
    )  # fmt: skip
    try:
        assert holder.stdout is not None
        if holder.stdout.readline() != b"ready\n":
            raise OSError(f"{name}: this machine gives no overlay, network or processes of its own")
        yield Machine(name, holder, folder)
    finally:
        holder.kill()  # `unshare --fork` does not hear SIGTERM
        holder.wait()
        assert holder.stdout is not None
        holder.stdout.close()


def connect(one: Machine, one_address: str, other: Machine, other_address: str) -> None:
    """Lay a cable between two machines."""
    words = f"link add walk0 netns {one.pid} type veth peer name walk0 netns {other.pid}"
    subprocess.run(["ip", *words.split()], check=True)
    for end, address in ((one, one_address), (other, other_address)):
        for command in (f"ip addr add {address}/24 dev walk0", "ip link set walk0 up"):
            subprocess.run(["nsenter", "-t", str(end.pid), "--net", *command.split()], check=True)


def can_make_machines() -> bool:
    programs = ("unshare", "nsenter", "ip", "setpriv", "systemd-sysusers", "redis-server")
    has_python = Path("/usr/bin/python3.11").exists() and Path("/usr/lib/python3.11/ensurepip").exists()
    return os.geteuid() == 0 and has_python and all(shutil.which(one) for one in programs)
