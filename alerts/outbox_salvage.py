"""Gets what can be read out of a damaged outbox: page by page, whatever became of the tree that holds the pages.

SQLite gives up where an inner page, the schema or the first page is damaged, though nearly every row is still there.
A row lies whole in a leaf of its table, or goes on in overflow pages (https://www.sqlite.org/fileformat2.html, sections
1.5, 1.6, 2.1 and 4.1); one that does not make sense in itself is left out.
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

USUAL_PAGE_BYTES = 4096
TABLE_LEAF = 0x0D
DATABASE_HEADER_BYTES = 100
WAL_HEADER_BYTES, FRAME_HEADER_BYTES = 32, 24
MAX_PAYLOAD_BYTES = 2**20
INTEGER_BYTES = (0, 1, 2, 3, 4, 6, 8)

Value = int | bytes | None


@dataclass(slots=True)
class Salvage:
    """What could be read."""

    events: dict[str, tuple[int, int, bytes]] = field(default_factory=dict)
    """Event id -> number, Unix milliseconds, body."""
    notes: dict[str, str] = field(default_factory=dict)
    """The outbox's name and the places of its readers."""
    last_seq: int = 0
    """No number up to here may be given again."""

    def unsent_lost(self) -> int | None:
        """Return how many events that the stream did not have are missing; None where nobody can tell."""
        if "sent_seq" not in self.notes or not self.last_seq:
            return None
        first = int(self.notes["sent_seq"]) + 1
        kept = sum(1 for seq, *_ in self.events.values() if seq >= first)
        return max(0, self.last_seq - first + 1 - kept)


def salvage(database: Path) -> Salvage:
    """Read a damaged outbox and its log. Raises OSError."""
    content = _read(database)
    log = _read(database.with_name(database.name + "-wal"))
    tried = [_read_pages(content, log, size) for size in _page_sizes(content, log)]
    return max(tried, key=lambda found: len(found.events) + len(found.notes))


def _read_pages(content: bytes, log: bytes, size: int) -> Salvage:
    found = Salvage()
    pages = dict(enumerate(_cut(content, size), start=1))
    _take_rows(found, pages, pages.values())
    frames = list(_frames(log, size))
    pages.update(frames)
    _take_rows(found, pages, (page for _, page in frames))  # later ones last: theirs are the latest notes
    numbers = [seq for seq, *_ in found.events.values()]
    found.last_seq = max([found.last_seq, *numbers, *(int(v) for v in found.notes.values() if v.isdecimal())])
    return found


def _read(path: Path) -> bytes:
    return path.read_bytes() if path.is_file() else b""


def _page_sizes(content: bytes, log: bytes) -> set[int]:
    """Return what may be the size of a page: what is said of it may be damaged, too."""
    said = {int.from_bytes(content[16:18]), int.from_bytes(log[8:12])}
    return {USUAL_PAGE_BYTES, *(size for size in said if 512 <= size <= 32768 and size & (size - 1) == 0)}


def _cut(content: bytes, size: int) -> Iterator[bytes]:
    for start in range(0, len(content), size):
        yield content[start : start + size].ljust(size, b"\0")


def _frames(log: bytes, size: int) -> Iterator[tuple[int, bytes]]:
    """Yield page number and page of the frames that were written since the log last began anew."""
    salts = log[16:24]
    for start in range(WAL_HEADER_BYTES, len(log) - FRAME_HEADER_BYTES - size + 1, FRAME_HEADER_BYTES + size):
        body = start + FRAME_HEADER_BYTES
        if log[start + 8 : start + 16] == salts and any(salts):
            yield int.from_bytes(log[start : start + 4]), log[body : body + size]


def _take_rows(found: Salvage, pages: dict[int, bytes], leaves: Iterable[bytes]) -> None:
    for page in leaves:
        for values in _rows(page, pages):
            _take(found, values)


def _take(found: Salvage, rowid_and_values: tuple[int, list[Value]]) -> None:
    """Note a row of the tables event (4 columns), outbox and sqlite_sequence (2 each)."""
    rowid, values = rowid_and_values
    match values:
        case [None, bytes() as event_id, int() as appended_ms, bytes() as body] if _is_event(event_id, body):
            found.events[event_id.decode()] = (rowid, appended_ms, body)
        case [b"event", int() as seq]:
            found.last_seq = max(found.last_seq, seq)
        case [bytes() as name, bytes() as value] if _is_note(name, value):
            found.notes[name.decode()] = value.decode()


def _is_event(event_id: bytes, body: bytes) -> bool:
    try:
        document = json.loads(body)
    except ValueError:
        return False
    return isinstance(document, dict) and document.get("id") == event_id.decode("ascii", errors="replace")


def _is_note(name: bytes, value: bytes) -> bool:
    if name == b"outbox_id":
        return len(value) == 32 and value.isalnum()
    return (name == b"sent_seq" or name.startswith(b"lane:")) and name.isascii() and value.isdigit() and len(value) < 19


def _rows(page: bytes, pages: dict[int, bytes]) -> Iterator[tuple[int, list[Value]]]:
    """Yield rowid and values of each row of a table's leaf that can be read."""
    start = DATABASE_HEADER_BYTES if page.startswith(b"SQLite format 3\0") else 0
    if page[start] != TABLE_LEAF:
        return
    count = int.from_bytes(page[start + 3 : start + 5])
    for at in range(start + 8, min(start + 8 + 2 * count, len(page) - 1), 2):
        try:
            yield _row(page, int.from_bytes(page[at : at + 2]), pages)
        except (IndexError, ValueError, KeyError):
            continue


def _row(page: bytes, at: int, pages: dict[int, bytes]) -> tuple[int, list[Value]]:
    length, at = _varint(page, at)
    rowid, at = _varint(page, at)
    if not 0 < length <= MAX_PAYLOAD_BYTES or at < 8:
        raise ValueError
    here = _kept_here(length, len(page))
    payload = bytearray(page[at : at + here])
    following = int.from_bytes(page[at + here : at + here + 4]) if here < length else 0
    while len(payload) < length:
        overflow = pages[following]
        following = int.from_bytes(overflow[:4])
        payload += overflow[4 : 4 + length - len(payload)]
    return rowid, _values(bytes(payload))


def _kept_here(length: int, usable: int) -> int:
    """Return how much of a payload a leaf of a table holds itself (section 1.6)."""
    if length <= usable - 35:
        return length
    least = (usable - 12) * 32 // 255 - 23
    here = least + (length - least) % (usable - 4)
    return here if here <= usable - 35 else least


def _values(payload: bytes) -> list[Value]:
    """Return a record's values; texts as bytes (section 2.1)."""
    header, at = _varint(payload, 0)
    kinds = []
    while at < header:
        kind, at = _varint(payload, at)
        kinds.append(kind)
    values: list[Value] = []
    for kind in kinds:
        size = (kind - 12) // 2 if kind >= 12 else INTEGER_BYTES[kind] if kind < len(INTEGER_BYTES) else 0
        content = payload[at : at + size]
        if len(content) < size:
            raise ValueError
        at += size
        values.append(_value(kind, content))
    return values


def _value(kind: int, content: bytes) -> Value:
    if kind >= 12:
        return content
    if kind in (8, 9):
        return kind - 8
    return int.from_bytes(content, signed=True) if 0 < kind < len(INTEGER_BYTES) else None


def _varint(content: bytes, at: int) -> tuple[int, int]:
    """Return a number of one to nine bytes, and where it ends."""
    number = 0
    for place in range(8):
        byte = content[at + place]
        number = number << 7 | byte & 0x7F
        if byte < 0x80:
            return number, at + place + 1
    return number << 8 | content[at + 8], at + 9
