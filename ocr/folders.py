"""What lies below a folder that somebody named: nothing of it is passed over in silence."""

import os
from collections.abc import Collection
from pathlib import Path


def files_below(folder: Path, suffixes: Collection[str]) -> tuple[list[Path], list[OSError]]:
    """Return the files of these suffixes in name order, and the error of each that cannot be opened.

    Links to folders are followed, each folder once: an archive's cameras are often links to other disks.
    """
    errors: list[OSError] = []
    found: list[Path] = []
    seen: set[tuple[int, int]] = set()
    for place, folders, names in os.walk(folder, onerror=errors.append, followlinks=True):
        stat = Path(place).stat()
        if (stat.st_dev, stat.st_ino) in seen:
            folders.clear()
            continue
        seen.add((stat.st_dev, stat.st_ino))
        # A folder before the links to it: its files go by their own names.
        links = {name for name in folders if Path(place, name).is_symlink()}
        folders[:] = [*sorted(set(folders) - links), *sorted(links)]
        for path in (Path(place, name) for name in names):
            if Path(path.name.lower()).suffix in suffixes:
                _sort_out(path, found, errors)
    return sorted(found), errors


def _sort_out(path: Path, found: list[Path], errors: list[OSError]) -> None:
    try:
        path.stat()
    except OSError as error:
        # A link whose disk is away, or that leads to itself.
        errors.append(error)
        return
    if path.is_file():
        found.append(path)
