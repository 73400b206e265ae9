"""Entries of the event stream that somebody or something spoiled: seeded, so that a failure can be looked at again."""

import json
import random
from collections.abc import Callable, Iterator
from typing import Any

from alerts.envelope import to_cloudevent
from tests.alerts_kit import event

Entry = dict[bytes, bytes]
EDGES: tuple[object, ...] = (
    "0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999999Z",
    "9999-12-31T23:59:59+00:00", "1969-12-31T23:59:59-12:00", "2026-02-30T00:00:00Z", "2026-11-24T04:00:00",
    "10000-01-01", "2026-11-24T24:00:00Z", "2026-06-30T23:59:60Z", -62135596800, 253402300800, 10**30, -(10**30),
    1e308, -1e308, 0, True, None, "", "now", [], {}, "\ud800", "\udfff\ud800", "\0", "\u202e", "[/bold]", "[red]",
    "*_`[]()<>#", "京" * 70_000, "x" * 1001, float("nan"), float("inf"), -float("inf"), 10**400, -1, 2**63, 2**64, 1.5,
    "NaN", ["a"] * 100,
    {"a": {"b": {}}},
)  # fmt: skip
HEADS = ("id", "source", "type", "time", "datacontenttype", "dataschema", "specversion", "data", "subject", "Ext")


def spoiled(seed: int, count: int) -> Iterator[Entry]:
    """Yield `count` entries, few of which are events."""
    dice = random.Random(seed)
    for number in range(count):
        body = dice.choice(SPOILERS)(dice, number)
        fields: Entry = {b"event_id": b"%032x" % number, b"event": body}
        if dice.random() < 0.05:
            fields[dice.choice((b"event", b"event_id"))] = dice.randbytes(dice.randrange(200))
        if dice.random() < 0.05:
            fields.pop(b"event")
        if dice.random() < 0.05:
            fields[b"only"] = dice.choice((b"", b"\xff", b"somebody", b"channel:tested", b"console"))
        yield fields


def _document(number: int) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(to_cloudevent(event(number)))
    return document


def _written(document: object) -> bytes:
    return json.dumps(document).encode()


def _odd_field(dice: random.Random, number: int) -> bytes:
    document = _document(number)
    for _ in range(dice.randint(1, 3)):
        document["data"][dice.choice([*document["data"], "京A12345", "\ud800"])] = dice.choice(EDGES)
    return _written(document)


def _odd_head(dice: random.Random, number: int) -> bytes:
    document = _document(number)
    document[dice.choice(HEADS)] = dice.choice(EDGES)
    return _written(document)


def _odd_reason(dice: random.Random, number: int) -> bytes:
    document = _document(number)
    for part in dice.choice((document["data"]["reasons"], document["data"]["alternatives"])):
        part[dice.choice([*part, "京A12345"])] = dice.choice(EDGES)
    return _written(document)


def _left_out(dice: random.Random, number: int) -> bytes:
    document = _document(number)
    part = dice.choice((document, document["data"]))
    del part[dice.choice(list(part))]
    return _written(document)


def _unknown_kind(dice: random.Random, number: int) -> bytes:
    document = _document(number)
    document["type"] = dice.choice(
        ("cn.kakou.system.notice.v1", "cn.kakou.vehicle.flagged.v2", "\ud800", "京A12345", "[/x]")
    )
    return _written(document)


def _cut(dice: random.Random, number: int) -> bytes:
    body = to_cloudevent(event(number))
    return body[: dice.randrange(len(body))]


def _flipped(dice: random.Random, number: int) -> bytes:
    body = bytearray(to_cloudevent(event(number)))
    for _ in range(dice.randint(1, 8)):
        body[dice.randrange(len(body))] = dice.randrange(256)
    return bytes(body)


def _deep(dice: random.Random, number: int) -> bytes:
    levels = dice.choice((100, 900, 5_000, 30_000))
    start, end = dice.choice(((b"[", b"]"), (b'{"a":', b"}")))
    nested = start * levels + b"1" + end * levels
    name = dice.choice((b"data", b"ext", b"id"))
    return to_cloudevent(event(number))[:-1] + b',"' + name + b'":' + nested + b"}"


def _no_json(dice: random.Random, number: int) -> bytes:
    texts = (b"", b"null", b"[]", b"1", b'"x"', b"\xef\xbb\xbf{}", b"{" * 9, b"NaN", b"9" * 5_000, b"\0" * 50)
    encoded = to_cloudevent(event(number)).decode().encode(dice.choice(("utf-16", "utf-32", "gb18030")))
    return dice.choice((*texts, dice.randbytes(dice.randrange(1, 2_000)), encoded, b"x" * 200_000))


SPOILERS: tuple[Callable[[random.Random, int], bytes], ...] = (
    _odd_field, _odd_field, _odd_head, _odd_reason, _left_out, _unknown_kind, _cut, _flipped, _deep, _no_json,
)  # fmt: skip
