"""Opening a file in a process of its own first: `python -m riskdb.record.tables.trial MEMORY_MIB CPU_S < FILE`.

calamine follows the sector chains of an old XLS file as they stand ([MS-CFB] 2.3) and takes the memory that its counts
ask for. In a file that a bad line has left full of zeros that is a circle without end, or terabytes: the kernel ends
this process then, not the console or the command that imports. XLSX and ODS have checksums and need none of it.
"""

import contextlib
import io
import os
import subprocess
import sys
from pathlib import Path

MEMORY_MIB = 1024
"""A sheet of 65,536 rows and 20 columns takes 0.3 GiB."""
CPU_S = 60


def is_opened_safely(path: Path) -> bool:
    """Return whether the reader comes back from a file, with its sheets or with an error."""
    with path.open("rb") as file:
        done = subprocess.run(
            [sys.executable, "-P", "-m", "riskdb.record.tables.trial", str(MEMORY_MIB), str(CPU_S)],
            stdin=file,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(entry or str(Path.cwd()) for entry in sys.path)},
            check=False,
        )
    return done.returncode == 0


def main() -> None:
    # Here, so that the other side does not load it where no such file comes.
    import resource

    from python_calamine import CalamineWorkbook

    for what, value in (
        (resource.RLIMIT_AS, int(sys.argv[1]) << 20),
        (resource.RLIMIT_CPU, int(sys.argv[2])),
        (resource.RLIMIT_CORE, 0),
    ):
        _, most = resource.getrlimit(what)
        resource.setrlimit(what, (value if most == resource.RLIM_INFINITY else min(value, most), most))
    content = io.BytesIO(sys.stdin.buffer.read())
    # What the reader says of a damaged file, its panic too, the other side meets again and puts in words.
    with contextlib.suppress(BaseException):
        book = CalamineWorkbook.from_filelike(content)
        for name in book.sheet_names:
            book.get_sheet_by_name(name)


if __name__ == "__main__":
    main()
