"""A message's body off the wire: so many bytes, in so much time, or refused. And answers onto it."""

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, TypeAlias

from pipeline.errors import ReadsError
from pipeline.reads.adapter import Reply

Scope: TypeAlias = MutableMapping[str, Any]
"""ASGI 3: what is known of a request."""
CERTIFICATE = "kakou.certificate"
"""The extension of a scope that holds the `name` of the certificate a sender showed; "" for none."""
Receive: TypeAlias = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send: TypeAlias = Callable[[MutableMapping[str, Any]], Awaitable[None]]


class BodyError(ReadsError):
    """A body that is not taken; `status` says why in HTTP's words."""

    def __init__(self, status: int, why: str) -> None:
        super().__init__(why)
        self.status = status


class SenderGoneError(ReadsError):
    """Nobody is there any more to be answered."""


async def read_body(receive: Receive, announced: str | None, most_bytes: int, timeout_s: float) -> bytes:
    """Return the body. Raises BodyError, SenderGoneError."""
    if announced is not None and announced.isdecimal() and int(announced) > most_bytes:
        await drain(receive, most_bytes, timeout_s)
        raise BodyError(413, "报文过大")
    try:
        async with asyncio.timeout(timeout_s):
            return await _whole(receive, most_bytes)
    except TimeoutError:
        raise BodyError(408, "报文没有在规定时间内收完") from None


async def drain(receive: Receive, most_bytes: int, timeout_s: float) -> None:
    """Take a body that nobody wants, so that its sender gets to read the answer; a large or slow one is left."""
    try:
        async with asyncio.timeout(timeout_s):
            taken, more = 0, True
            while more and taken <= most_bytes:
                event = await receive()
                taken += len(event.get("body", b""))
                more = event["type"] == "http.request" and bool(event.get("more_body", False))
    except TimeoutError:
        return


async def answer(send: Send, reply: Reply, *headers: tuple[bytes, bytes], closes: bool = False) -> None:
    said = [(b"content-type", reply.content_type.encode()), (b"content-length", str(len(reply.body)).encode())]
    if closes:
        said.append((b"connection", b"close"))
    await send({"type": "http.response.start", "status": reply.status, "headers": [*said, *headers]})
    await send({"type": "http.response.body", "body": reply.body})


async def _whole(receive: Receive, most_bytes: int) -> bytes:
    pieces: list[bytes] = []
    size, more = 0, True
    while more:
        event = await receive()
        if event["type"] != "http.request":
            raise SenderGoneError
        pieces.append(event.get("body", b""))
        size += len(pieces[-1])
        if size > most_bytes:
            raise BodyError(413, "报文过大")
        more = bool(event.get("more_body", False))
    return b"".join(pieces)
