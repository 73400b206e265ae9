"""Messages of cameras, damaged as wires, firmware and enemies damage them."""

import random

from hypothesis import strategies as st

PIECES = (
    b"", b"<", b'"', b"{", b"\0", "\u202e\u200b".encode(), b"\xff\xfe", b"null", b"1e999", b"[" * 2000,
    b'<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]>', b"&x;", "鲁".encode("gb18030"), b"-" * 300,
)  # fmt: skip


def mangled(body: bytes, data: st.DataObject) -> bytes:
    return damaged(body, random.Random(data.draw(st.integers(0, 2**32))))


def damaged(body: bytes, dice: random.Random) -> bytes:
    """Return a body in which up to four pieces were put, doubled or taken out."""
    for _ in range(dice.randint(1, 4)):
        at, length = dice.randint(0, len(body)), dice.randint(0, 40)
        kind = dice.random()
        put = dice.choice(PIECES) if kind < 0.8 else body[at : at + 400] * 2
        body = body[:at] + put + body[at + length :]
    return body
