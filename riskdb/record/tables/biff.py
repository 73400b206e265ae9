"""What an old XLS file says beside its cells: whether it is locked or cut, and from when its days are counted."""

import struct

_FREE, _DIRECTORY_AT = 0xFFFFFFFA, 48
"""Sector numbers from _FREE on end a chain ([MS-CFB] 2.1)."""
_BOF, _DATEMODE, _FILEPASS, _SHEET, _EOF = 0x0809, 0x22, 0x2F, 0x85, 0x0A
"""Records as [MS-XLS] 2.4 numbers them; none of them is 0."""
_MAX_RECORDS = 20_000


def begins_1904(content: bytes) -> bool:
    """Return whether a workbook counts its days from 1904; False where it cannot be known."""
    return any(kind == _DATEMODE and data[:2] == b"\1\0" for kind, data in _globals(content))


def is_locked(content: bytes) -> bool:
    """Return whether a workbook is encrypted; False where it cannot be known."""
    return any(kind == _FILEPASS for kind, _ in _globals(content))


def is_cut(content: bytes) -> bool:
    """Return whether a part of the workbook breaks off before its end: its last rows would be missing.

    False where the file is not understood: the reader of cells will say so.
    """
    try:
        stream = _workbook(content, most=len(content))
        if struct.unpack_from("<H", stream)[0] != _BOF:
            return False
    except (struct.error, IndexError, ValueError):
        return False
    sheets = [struct.unpack("<I", data[:4])[0] for kind, data in _globals(content) if kind == _SHEET and len(data) >= 4]
    return not all(_comes_to_its_end(stream, begin) for begin in (0, *sheets))


def _comes_to_its_end(stream: bytes, place: int) -> bool:
    """Return whether records follow one another from here to the end of this part; a chart within is a part, too."""
    depth, header = 0, struct.Struct("<HH")
    last = len(stream) - header.size
    while place <= last:
        kind, length = header.unpack_from(stream, place)
        if kind == _BOF:
            depth += 1
        elif kind == _EOF:
            depth -= 1
            if depth <= 0:
                return True
        elif not kind:
            return False
        place += header.size + length
    return False


def _globals(content: bytes) -> list[tuple[int, bytes]]:
    """Return the records that stand before the first sheet, kind and data: all that can be read."""
    found: list[tuple[int, bytes]] = []
    try:
        stream, place = _workbook(content), 0
        while len(found) < _MAX_RECORDS:
            kind, length = struct.unpack_from("<HH", stream, place)
            if (place == 0 and kind != _BOF) or kind == _EOF:
                break
            found.append((kind, stream[place + 4 : place + 4 + length]))
            place += 4 + length
    except (struct.error, IndexError, ValueError):
        pass
    return found


def _workbook(content: bytes, most: int = 2_000) -> bytes:
    """Return the stream that holds the workbook ([MS-CFB] 2.6.1), of its sectors the first `most`.

    Raises ValueError without one.
    """
    size = 1 << struct.unpack_from("<H", content, 30)[0]
    (first_directory,) = struct.unpack_from("<I", content, _DIRECTORY_AT)
    table = _sector_table(content, size)
    directory = _chain(content, table, first_directory, size)
    entries = [directory[start : start + 128] for start in range(0, len(directory) - 127, 128)]
    root = entries[0]
    for entry in entries:
        (name_length,) = struct.unpack_from("<H", entry, 64)
        if entry[: max(name_length - 2, 0)].decode("utf-16-le", "replace") in ("Workbook", "Book"):
            start, length = struct.unpack_from("<II", entry, 116)
            if length >= 4096:
                return _chain(content, table, start, size, min(most, length // size + 1))[:length]
            small = _chain(content, table, struct.unpack_from("<I", root, 116)[0], size)
            (first_small,) = struct.unpack_from("<I", content, 60)
            links = _chain(content, table, first_small, size)
            return _chain(b"\0" * 64 + small, struct.unpack(f"<{len(links) // 4}I", links), start, 64)
    raise ValueError("no workbook")


def _sector_table(content: bytes, size: int) -> tuple[int, ...]:
    """Return which sector follows which; of files above 7 MB further sectors say where that stands."""
    sectors = [*struct.unpack_from("<109I", content, 76)]
    (further,) = struct.unpack_from("<I", content, 68)
    for _ in range(len(content) // size):
        if further >= _FREE:
            break
        *more, further = struct.unpack_from(f"<{size // 4}I", content, (further + 1) * size)
        sectors += more
    links = b"".join(content[(number + 1) * size : (number + 2) * size] for number in sectors if number < _FREE)
    return struct.unpack(f"<{len(links) // 4}I", links[: len(links) // 4 * 4])


def _chain(content: bytes, table: tuple[int, ...], first: int, size: int, most: int = 2_000) -> bytes:
    parts: list[bytes] = []
    sector = first
    while sector < _FREE and len(parts) < most:
        parts.append(content[(sector + 1) * size : (sector + 2) * size])
        sector = table[sector] if sector < len(table) else _FREE
    return b"".join(parts)
