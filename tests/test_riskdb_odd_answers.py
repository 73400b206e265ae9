"""Whatever comes in the place of an answer of Redis, a listed vehicle is found or unchecked, never clear, in time."""

import random
import socket
import time
from collections.abc import Callable, Iterator
from functools import partial
from itertools import product
from pathlib import Path

import pytest
import redis

from riskdb.digest import load_or_create_key
from riskdb.hotset.hotset import HotSet
from riskdb.hotset.redis_link import RedisLink
from riskdb.types import RiskDBError
from tests.riskdb_kit import Guess, RiskRig, risk_rig
from tests.test_riskdb_slow import Trickle

LISTED = Guess("粤B82500")
LIMIT_S = 0.06
QUESTIONS = (1, 2, 3, 4)
"""State, membership, reasons, names."""
ERRORS = (b"-MOVED 1 127.0.0.1:1\r\n", b"-LOADING x\r\n", b"-READONLY x\r\n", b"-OOM x\r\n", b"-NOAUTH x\r\n",
          b"-WRONGTYPE x\r\n", b"-MASTERDOWN x\r\n", b"-\r\n")  # fmt: skip
OTHER_SHAPES = (
    b"+OK\r\n", b":1\r\n", b"$-1\r\n", b"*-1\r\n", b"*0\r\n", b"$0\r\n\r\n", b"_\r\n", b"#t\r\n", b"%1\r\n+a\r\n:1\r\n",
    b"*1\r\n*1\r\n*1\r\n:1\r\n", b"*2\r\n-LOADING x\r\n-LOADING y\r\n", b"*2\r\n:1\r\n:2\r\n",
    b"*2\r\n*9\r\n" + b":1\r\n" * 10, b"*3\r\n:1\r\n:x\r\n:0\r\n$-1\r\n", b"*3\r\n:1\r\n:0\r\n:1\r\n$abc\r\n",
    b"*3\r\n:1\r\n$0\r\n$0\r\n",
)  # fmt: skip
NO_ANSWERS = (b"*1000000000\r\n", b"$999999999999\r\nabc", b"$-5\r\n", b"*abc\r\n", b"HTTP/1.1 400 Bad Request\r\n\r\n",
              b"\0" * 50, b"\r\n", b"*" * 60_000, b"")  # fmt: skip
WHOLE = b"+OK\r\n+QUEUED\r\n+QUEUED\r\n"
"""What stands before the answers of a transaction."""


class Spoiler(Trickle):
    """A proxy that gives something else in the place of one answer; nothing at all ends the line halfway."""

    def __init__(self, upstream: str) -> None:
        self.spoil: Callable[[bytes], bytes] = bytes
        self.which = 0
        super().__init__(upstream)

    def _trickle(self, server: socket.socket, client: socket.socket) -> None:
        try:
            while answer := server.recv(65_536):
                self.which -= 1
                said = self.spoil(answer) if self.which == 0 else answer
                if said:
                    client.sendall(said)
                else:
                    client.shutdown(socket.SHUT_WR)
        except OSError:
            return


@pytest.fixture
def rig(tmp_path: Path, redis_url: str) -> Iterator[RiskRig]:
    with risk_rig(tmp_path, redis_url) as made:
        made.travelled(LISTED.text)
        made.declared()
        yield made


@pytest.fixture
def spoiler(redis_url: str) -> Iterator[Spoiler]:
    with redis.Redis.from_url(redis_url) as client:
        proxy = Spoiler(client.connection_pool.connection_kwargs["path"])
    yield proxy
    proxy.close()


def looked_up(rig: RiskRig, spoiler: Spoiler, which: int, spoil: Callable[[bytes], bytes]) -> str:
    """Ask as a reader does that has just been started, with one answer spoiled; return what came of it, in a word."""
    link = RedisLink(spoiler.url, LIMIT_S, LIMIT_S)
    hot_set = HotSet(link, lambda: load_or_create_key(rig.key_path), rig.settings, rig.clock)
    spoiler.which, spoiler.spoil = which, spoil
    started = time.monotonic()
    try:
        return "clear" if rig.match(LISTED, hot_set=hot_set) is None else "found"
    except RiskDBError:
        return "unchecked" if time.monotonic() - started < 5.0 else "unchecked too late"
    finally:
        link.close()


@pytest.mark.parametrize("answers", [ERRORS, OTHER_SHAPES, NO_ANSWERS])
def test_an_answer_of_another_kind_makes_no_listed_vehicle_clear(
    rig: RiskRig, spoiler: Spoiler, answers: tuple[bytes, ...]
):
    outcomes = set()
    for said, which in product([*answers, *(WHOLE + one for one in answers)], QUESTIONS):
        outcomes.add(looked_up(rig, spoiler, which, partial(_instead, said)))
    assert "unchecked" in outcomes
    assert outcomes <= {"unchecked", "found"}


def _instead(said: bytes, _answer: bytes) -> bytes:
    return said


def test_an_answer_that_comes_twice_is_taken_for_no_other_ones(rig: RiskRig, spoiler: Spoiler):
    assert {looked_up(rig, spoiler, which, lambda answer: answer * 2) for which in QUESTIONS} <= {"unchecked", "found"}


@pytest.mark.parametrize("count", [60, pytest.param(5_000, marks=pytest.mark.long)])
def test_bytes_that_are_damaged_on_the_way_make_no_listed_vehicle_clear(rig: RiskRig, spoiler: Spoiler, count: int):
    dice = random.Random(13)
    for number in range(count):
        outcome = looked_up(rig, spoiler, dice.choice(QUESTIONS), lambda answer: _damaged(answer, dice))
        assert outcome in ("unchecked", "found"), number


def _damaged(answer: bytes, dice: random.Random) -> bytes:
    """Cut it, or write over it; a digit that became another one would be an answer like any other."""
    if dice.random() < 0.3:
        return answer[: dice.randrange(len(answer))]
    bytes_of = bytearray(answer)
    for _ in range(dice.randint(1, 4)):
        bytes_of[dice.randrange(len(answer))] = dice.choice(b"xyz:*$-+ \r\n\xff")
    return bytes(bytes_of)


def test_an_answer_that_is_sound_is_an_answer(rig: RiskRig, spoiler: Spoiler):
    assert "found" in {looked_up(rig, spoiler, 1, bytes) for _ in range(20)}
