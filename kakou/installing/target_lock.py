"""The lock of another machine: what pip is to fetch for it (`python -m kakou.installing.target_lock LOCK ARCH 3.12`).

pip asks its own machine about markers, whatever `--platform` and `--python-version` say: a bundle that is made under
Python 3.11 would lack what Python 3.12, or an older 3.11, needs.
"""

import re
import sys
from collections.abc import Iterator
from pathlib import Path

from packaging.markers import Marker

REQUIREMENT = re.compile(r"^(?P<pin>[A-Za-z0-9._-]+==[^ ;\\]+)(?: ; (?P<marker>[^\\]+?))? \\$")
PATCHES = (0, 99)
"""The first and the last patch level of a Python version: Debian 12 has 3.11.2, and one pin differs from 3.11.3 on."""


def lock_for(lock: str, architecture: str, version: str) -> str:
    """Return a lock without markers: what a machine needs, whatever the patch level of its Python."""
    return "".join(
        f"{pin} \\\n{hashes}"
        for pin, marker, hashes in _blocks(lock)
        if marker is None or any(holds(marker, architecture, f"{version}.{patch}") for patch in PATCHES)
    )


def holds(marker: str, architecture: str, full_version: str) -> bool:
    """Return whether a requirement with this marker is meant for the machine."""
    system = {"os_name": "posix", "sys_platform": "linux", "platform_system": "Linux", "platform_machine": architecture}
    python = {"implementation_name": "cpython", "platform_python_implementation": "CPython"}
    versions = {
        "python_version": ".".join(full_version.split(".")[:2]),
        "python_full_version": full_version,
        "implementation_version": full_version,
    }
    return Marker(marker).evaluate({**system, **python, **versions})


def _blocks(lock: str) -> Iterator[tuple[str, str | None, str]]:
    """Yield each requirement's pin, marker and the lines of its hashes."""
    starts = [match.start() for match in re.finditer(r"^[A-Za-z0-9]", lock, re.MULTILINE)]
    for start, end in zip(starts, [*starts[1:], len(lock)], strict=True):
        first, _, rest = lock[start:end].partition("\n")
        found = REQUIREMENT.match(first)
        if found is None:
            raise ValueError(f"requirement not understood: {first}")
        yield (
            found["pin"],
            found["marker"],
            "".join(line + "\n" for line in rest.splitlines() if line.startswith("    --hash")),
        )


if __name__ == "__main__":
    path, architecture, version = sys.argv[1:]
    sys.stdout.write(lock_for(Path(path).read_text(encoding="utf-8"), architecture, version))
