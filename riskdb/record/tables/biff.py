"""What an old XLS file (BIFF8) says before its cells: whether it is locked, and from when its days are counted."""

import struct

_FREE, _DIRECTORY_AT, _BOF, _DATEMODE, _FILEPASS, _EOF = 0xFFFFFFFA, 48, 0x0809, 0x22, 0x2F, 0x0A
"""Sector numbers from _FREE on end a chain ([MS-CFB] 2.1); records as [MS-XLS] 2.4 numbers them."""
_MAX_RECORDS = 20_000


def begins_1904(content: bytes) -> bool:
    """Return whether a workbook counts its days from 1904; False where it cannot be known."""
    return any(kind == _DATEMODE and data[:2] == b"\1\0" for kind, data in _globals(content))


def is_locked(content: bytes) -> bool:
    """Return whether a workbook is encrypted; False where it cannot be known."""
    return any(kind == _FILEPASS for kind, _ in _globals(content))


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


def _workbook(content: bytes) -> bytes:
    """Return the beginning of the stream that holds the workbook ([MS-CFB] 2.6.1). Raises ValueError without one."""
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
                return _chain(content, table, start, size)
            small = _chain(content, table, struct.unpack_from("<I", root, 116)[0], size)
            (first_small,) = struct.unpack_from("<I", content, 60)
            links = _chain(content, table, first_small, size)
            return _chain(b"\0" * 64 + small, struct.unpack(f"<{len(links) // 4}I", links), start, 64)
    raise ValueError("no workbook")


def _sector_table(content: bytes, size: int) -> tuple[int, ...]:
    """Return which sector follows which; of files up to 7 MB, further ones are said to end."""
    sectors = [number for number in struct.unpack_from("<109I", content, 76) if number < _FREE]
    links = b"".join(content[(number + 1) * size : (number + 2) * size] for number in sectors)
    return struct.unpack(f"<{len(links) // 4}I", links[: len(links) // 4 * 4])


def _chain(content: bytes, table: tuple[int, ...], first: int, size: int, most: int = 2_000) -> bytes:
    parts: list[bytes] = []
    sector = first
    while sector < _FREE and len(parts) < most:
        parts.append(content[(sector + 1) * size : (sector + 2) * size])
        sector = table[sector] if sector < len(table) else _FREE
    return b"".join(parts)
