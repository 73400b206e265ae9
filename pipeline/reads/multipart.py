"""multipart/form-data as cameras write it: odd boundaries, parts in any order, no end, the boundary inside a JPEG."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from pipeline.reads.adapter import UnreadableMessageError
from pipeline.reads.texts import decoded

MAX_PARTS = 32
MAX_HEADER_BYTES = 4096
BOUNDARY = re.compile(r'boundary\s*=\s*(?:"([^"]*)"|([^;\s]+))', re.IGNORECASE)
BLANK_LINE = re.compile(rb"\r?\n[ \t]*\r?\n")
LENGTH = re.compile(r"[0-9]{1,9}")
NAMED = re.compile(r';\s*(name|filename)\s*=\s*(?:"([^"]*)"|([^;\s]+))', re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Part:
    name: str
    """Of the field, or of the file where the field has none; lower case."""
    content_type: str
    """Lower case, without parameters; "" where it is missing."""
    content: bytes


def parts_of(content_type: str, body: bytes) -> list[Part]:
    """Return the parts of a body. Raises UnreadableMessageError where there is no part at all."""
    delimiter = _delimiter(content_type, body)
    parts = list(_parts(body, delimiter))
    if not parts:
        raise UnreadableMessageError("multipart 里没有内容")
    return parts


def _delimiter(content_type: str, body: bytes) -> bytes:
    """Return what stands before each part: as the header says, or as the body begins where that says otherwise."""
    begin = body.lstrip(b"\r\n \t")[:200].splitlines()
    first = begin[0].rstrip() if begin and begin[0].startswith(b"--") else b""
    found = BOUNDARY.search(content_type)
    said = b"--" + (found[1] or found[2] or "").encode() if found else b""
    if len(said) > 2 and said in body:
        return said
    if len(first) <= 2:
        raise UnreadableMessageError("multipart 里找不到它的分隔符")
    return first


def _parts(body: bytes, delimiter: bytes) -> Iterator[Part]:
    position = body.find(delimiter)
    for _ in range(MAX_PARTS):
        if position < 0:
            return
        position += len(delimiter)
        if body[position : position + 2] == b"--":
            return
        headers, begin = _headers(body, position)
        if headers is None:
            return
        name, content_type, length = _said_in(headers)
        end, position = _content_end(body, begin, delimiter, length)
        yield Part(name, content_type, body[begin:end])
    raise UnreadableMessageError(f"multipart 超过 {MAX_PARTS} 段")


def _headers(body: bytes, position: int) -> tuple[bytes | None, int]:
    """Return a part's header block and where its content begins; None at the end of a body that was cut off."""
    found = BLANK_LINE.search(body, position, position + MAX_HEADER_BYTES)
    if found is None:
        if len(body) - position > MAX_HEADER_BYTES:
            raise UnreadableMessageError("multipart 有一段的头部没有结束")
        return None, position
    return body[position : found.start()], found.end()


def _content_end(body: bytes, begin: int, delimiter: bytes, length: str) -> tuple[int, int]:
    """Return where a part's content ends and where the next delimiter stands (-1: nowhere).

    A part's own length counts where a delimiter follows it: a picture may hold the delimiter's text.
    """
    if LENGTH.fullmatch(length):
        end = begin + int(length)
        following = body[end : end + len(delimiter) + 4].lstrip(b"\r\n")
        if following.startswith(delimiter):
            return end, body.index(delimiter, end)
    following_at = body.find(b"\n" + delimiter, max(begin - 1, 0))
    if following_at < 0:
        return len(body), -1
    end = following_at - (body[following_at - 1 : following_at] == b"\r")
    return max(begin, end), following_at + 1


@lru_cache(maxsize=256)
def _said_in(headers: bytes) -> tuple[str, str, str]:
    """Return a part's name, its content type and what it says of its length; a camera's are the same each time."""
    fields = {
        name.strip().lower(): said.strip()
        for name, _, said in (line.partition(":") for line in decoded(headers).splitlines())
    }
    names = {
        found[1].lower(): found[2] or found[3] or "" for found in NAMED.finditer(fields.get("content-disposition", ""))
    }
    name = names.get("name") or names.get("filename") or ""
    content_type = fields.get("content-type", "").partition(";")[0].strip().lower()
    return name.lower(), content_type, fields.get("content-length", "")
