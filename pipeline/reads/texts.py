"""Texts, numbers, times and pictures as cameras write them."""

import base64
import binascii
import codecs
import math
import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta, timezone

from pipeline.reads.adapter import UnreadableMessageError

EARLIEST, LATEST = datetime(1971, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)
"""Clocks may be years off; beyond these nobody meant a time."""
COMPACT = re.compile(r"(\d{14})(\d{3})?")
EPOCH_MS = re.compile(r"\d{12,13}")
EPOCH_S = re.compile(r"\d{9,10}(\.\d+)?")
SHORT_ZONE = re.compile(r"([+-])(\d:\d\d)$")
"""+8:00, which ISO 8601 writes +08:00."""
MAX_SHORT = 200
NUMERIC = (str, int, float)
"""A tuple: a union is made anew at each call, dozens of times a message."""
EUROPEAN = re.compile("[\x80-\xb6\xb8-\u07ff]")
"""But for the dot in the middle of a plate (·)."""
BEYOND_EUROPE = re.compile("[\u0800-\U0010ffff]")
CHINESE = re.compile("[\u4e00-\u9fff]")
PICTURE_MARKS = (b"\xff\xd8", b"\x89PNG", b"BM", b"GIF8", b"RIFF", b"II*\0", b"MM\0*", b"\0\0\0")
"""Of JPEG, PNG, BMP, GIF, WebP, TIFF; HEIC, AVIF and JPEG 2000 begin with the length of their first part."""

_URL_SAFE = str.maketrans("-_", "+/")


def decoded(body: bytes) -> str:
    """Return the text of a body: UTF-16 where its mark says so, UTF-8, else GB18030 whatever it claims.

    Raises UnreadableMessageError.

    鲁, 豫, 使 and 学 in GB18030 are letters of Europe in UTF-8 (³, ԥ, ʹ, ѧ): where a text has such letters and nothing
    that Chinese in UTF-8 would have, the reading that gives Chinese is the one that was meant.
    """
    if body.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) and (wide := _decoded(body, "utf-16")):
        return wide
    text = _decoded(body, "utf-8")
    if text is not None and not _is_of_europe(text):
        return text
    chinese = _decoded(body, "gb18030")
    if chinese is not None and (text is None or CHINESE.search(chinese)):
        return chinese
    if text is None:
        raise UnreadableMessageError("文字既不是 UTF-8 也不是 GB18030")
    return text


def _decoded(body: bytes, encoding: str) -> str | None:
    try:
        return body.decode(encoding)
    except UnicodeDecodeError:
        return None


def _is_of_europe(text: str) -> bool:
    """Return whether a text has letters beyond ASCII, and none that lie beyond Europe's."""
    return not text.isascii() and BEYOND_EUROPE.search(text) is None and EUROPEAN.search(text) is not None


def short(value: object) -> str | None:
    """Return a text or number, alone or in a list of one, as a short text; None for anything else, and for nothing."""
    while isinstance(value, list) and len(value) == 1:
        value = value[0]
    if not isinstance(value, NUMERIC) or isinstance(value, bool):
        return None
    return str(value).strip()[:MAX_SHORT] or None


def share_of(value: object, full: float) -> float | None:
    """Return a score as a share of `full`, 0.0 to 1.0; None where there is no number."""
    if value is None or not isinstance(value, NUMERIC) or isinstance(value, bool):
        return None
    try:
        share = float(value) / full
    except (ValueError, OverflowError):
        return None
    if 0.0 <= share <= 1.0:
        return share
    return min(max(share, 0.0), 1.0) if math.isfinite(share) else None


def scores_of(values: Sequence[object], full: float = 100.0) -> tuple[float, ...]:
    """Return the characters' scores; none where one of them is no number."""
    scores = [share_of(value, full) for value in values]
    return tuple(score for score in scores if score is not None) if None not in scores else ()


def moment_of(value: object, utc_offset: timedelta) -> datetime | None:
    """Return a camera's time, aware UTC; None where it says none that can be understood.

    yyyyMMddHHmmss[SSS], ISO 8601 with or without a zone, or seconds or milliseconds since 1970.
    """
    text = short(value)
    if text is None:
        return None
    try:
        moment = _moment(text, timezone(utc_offset))
    except (ValueError, OverflowError, OSError):
        return None
    return moment if moment is not None and EARLIEST <= moment <= LATEST else None


def _moment(text: str, zone: timezone) -> datetime | None:
    if not text[4:5].isdecimal():  # a mark behind the year, as nearly all write it
        return _iso(text, zone)
    if found := COMPACT.fullmatch(text):
        moment = datetime.strptime(found[1], "%Y%m%d%H%M%S").replace(tzinfo=zone)
        return (moment + timedelta(milliseconds=int(found[2] or 0))).astimezone(UTC)
    if EPOCH_MS.fullmatch(text):
        return datetime.fromtimestamp(int(text) / 1000, UTC)
    if EPOCH_S.fullmatch(text):
        return datetime.fromtimestamp(float(text), UTC)
    return _iso(text, zone)


def _iso(text: str, zone: timezone) -> datetime:
    if len(text) <= len("2026-11-24"):
        raise ValueError(text)  # a day is no moment: it would be its midnight
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = datetime.fromisoformat(SHORT_ZONE.sub(r"\g<1>0\2", text.replace("/", "-")))
    return (moment if moment.tzinfo else moment.replace(tzinfo=zone)).astimezone(UTC)


class BrokenPicture(bytes):
    """No bytes, in the place of a picture that came and is none."""


def picture_of(value: object) -> bytes:
    """Return a picture sent as base64, with or without a data URL in front; b"" where there is none.

    What is no base64 or no picture is a `BrokenPicture`, and the read beside it counts: it would come again as damaged.
    """
    if not isinstance(value, str) or not value.strip():
        return b""
    plain = "".join(value.rpartition("base64,")[2].split()).translate(_URL_SAFE).rstrip("=")
    try:
        return as_picture(base64.b64decode(plain + "=" * (-len(plain) % 4)) or BrokenPicture())
    except (binascii.Error, ValueError):
        return BrokenPicture()


def first_picture(*found: bytes) -> bytes:
    """Return the first that is a picture; where none is, a `BrokenPicture` if one of them is."""
    whole = next((picture for picture in found if picture), b"")
    return whole or next((picture for picture in found if isinstance(picture, BrokenPicture)), b"")


def as_picture(content: bytes) -> bytes:
    """Return what begins as a picture does, and b"" of b""; else a `BrokenPicture`."""
    return content if not content or content.startswith(PICTURE_MARKS) else BrokenPicture()


def box_of(
    left: object, top: object, right: object, bottom: object, width: object, height: object
) -> tuple[float, float, float, float] | None:
    """Return a rectangle as shares of a picture of that size; None where it is not one."""
    sizes = [share_of(size, 1e6) for size in (width, height)]
    if None in sizes or not all(sizes):
        return None
    x1, x2 = (share_of(value, 1e6 * (sizes[0] or 1)) for value in (left, right))
    y1, y2 = (share_of(value, 1e6 * (sizes[1] or 1)) for value in (top, bottom))
    if x1 is None or x2 is None or y1 is None or y2 is None:
        return None
    x1, x2, y1, y2 = min(x1, x2), max(x1, x2), min(y1, y2), max(y1, y2)  # top may be larger than bottom
    return (x1, y1, x2, y2) if x2 > x1 and y2 > y1 else None
