"""Cameras that come back together are let in together."""

import asyncio
import contextlib
import socket
import subprocess
import sys

import uvloop

from kakou.box.doorkeeper import Doorkeeper
from tests.code_kit import ROOT

CAMERAS = 24


async def turns_until_all_are_in(listener: socket.socket) -> int:
    """Return how often the loop turned, as often as it would have served whoever was in, until all were."""
    made: list[asyncio.Protocol] = []

    def protocol(_visit: object) -> asyncio.Protocol:
        made.append(asyncio.Protocol())
        return made[-1]

    door = asyncio.create_task(Doorkeeper(listener, protocol, made, 1000, None, 10.0).run())
    turns = 0
    while len(made) < CAMERAS:
        await asyncio.sleep(0)
        turns += 1
    door.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await door
    return turns


def turns() -> int:
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=2 * CAMERAS))
        for _ in range(CAMERAS):
            stack.enter_context(socket.create_connection(listener.getsockname()))
        return uvloop.run(turns_until_all_are_in(listener))


def test_cameras_that_come_back_together_are_let_in_together():
    code = "from tests.test_kakou_doorkeeper import turns; print(turns())"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, cwd=ROOT, timeout=15)
    assert int(done.stdout) < CAMERAS
