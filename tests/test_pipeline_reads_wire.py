"""Whatever stands on the wire: refused, or a read on disk and then 2xx; never 5xx, and no connection held for ever."""

import re
import socket
import time
from collections.abc import Callable, Iterator
from typing import TypeAlias

import pytest

from alerts.digest_answer import fields_of, response_to
from pipeline.reads.digest_auth import NONCE_S, REALM, REMEMBERED_S, DigestAuth, Verdict
from pipeline.reads.synthetic import BOUNDARY, hikvision
from tests.reads_kit import SECRET, Box, reads_settings, said, serving

Build: TypeAlias = Callable[[bytes], bytes]
PLACE = f"/reads/K01/{SECRET}"
CHUNKED = "Transfer-Encoding: chunked\r\n"
JAVA = "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQBAAAAAAUAAEAA\r\n"


@pytest.fixture(scope="module")
def box(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Box]:
    settings = reads_settings(
        tmp_path_factory.mktemp("box"),
        {"reads_per_s": 2000},
        {"device_id": "K03", "auth": "digest"},
        receive_timeout_s=0.4,
    )
    with serving(settings) as served:
        yield served


def sent(more: str = "Connection: close\r\n", method: str = "POST", path: str = PLACE, version: str = "1.1") -> Build:
    """Return what puts a body behind headers, with its length unless `more` says how long it is."""

    def build(body: bytes) -> bytes:
        length = "" if re.search("length|chunked", more) else f"Content-Length: {len(body)}\r\n"
        head = (
            f"{method} {path} HTTP/{version}\r\nHost: a\r\nContent-Type: multipart/form-data; boundary={BOUNDARY}\r\n"
        )
        return f"{head}{length}{more}\r\n".encode("latin-1") + body

    return build


def in_chunks(body: bytes, trailers: bytes = b"") -> bytes:
    half = len(body) // 2
    chunks = [b"%x\r\n%s\r\n" % (len(part), part) for part in (body[:half], body[half:])]
    return b"".join(chunks) + b"0\r\n" + trailers + b"\r\n"


def chunked(more: str = "Connection: close\r\n", trailers: bytes = b"") -> Build:
    return lambda body: sent(CHUNKED + more)(in_chunks(body, trailers))


TAKEN: dict[str, Build] = {
    "as cameras do": sent(),
    "100-continue": sent("Expect: 100-continue\r\nConnection: close\r\n"),
    "HTTP/1.0": sent("", version="1.0"),
    "PUT": sent(method="PUT"),
    "chunked": chunked(),
    "chunked with trailers": chunked(trailers=b"X-Sum: 1\r\n"),
    "64 KB of headers in one piece": sent("X-A: " + "b" * 65536 + "\r\nConnection: close\r\n"),
    "the whole address": sent(path=f"http://box{PLACE}"),
    "dots behind the secret": sent(path=f"{PLACE}/%2e%2e/%2e%2e/etc"),
    "NUL behind the secret": sent(path=f"{PLACE}/%00"),
    "blank lines before": lambda body: b"\r\n\r\n" + sent()(body),
    "Java's wish for HTTP/2": sent(JAVA + "Connection: close\r\n"),
    "a wish for a web socket": sent("Connection: Upgrade, close\r\nUpgrade: websocket\r\n"),
    "chunked, and Java's wish": chunked(JAVA + "Connection: close\r\n"),
}
REFUSED: dict[str, Build] = {
    "HEAD": sent(method="HEAD"),
    "OPTIONS": sent(method="OPTIONS"),
    "TRACE": sent(method="TRACE"),
    "CONNECT": sent(method="CONNECT"),
    "a method of its own": sent(method="STEAL"),
    "length twice": lambda body: sent(f"content-length: {len(body)}\r\ncontent-length: 5\r\n")(body),
    "length twice the same": lambda body: sent(f"content-length: {len(body)}\r\n" * 2)(body),
    "length and chunked": lambda body: sent(CHUNKED + f"content-length: {len(body)}\r\n")(in_chunks(body)),
    "a length of 5000 figures": sent("content-length: " + "9" * 5000 + "\r\n"),
    "no length in HTTP/1.0": sent("X-Of-No: length\r\n", version="1.0"),
    "a negative length": sent("content-length: -1\r\n"),
    "chunked and something": sent("Transfer-Encoding: chunked, identity\r\n"),
    "a chunk of no size": sent(CHUNKED),
    "chunks without an end": lambda body: sent(CHUNKED)(in_chunks(body)[:-5]),
    "dots instead of a name": sent(path=f"/reads/%2e%2e/reads/K01/{SECRET}"),
    "a slash in a name": sent(path=f"/reads/K01%2F{SECRET}"),
    "NUL in a name": sent(path=f"/reads/K01%00/{SECRET}"),
    "NUL in a path": sent(path=f"{PLACE}/\0"),
    "letters beyond ASCII": sent(path=f"{PLACE}/\xff"),
    "no path": sent(path="*"),
    "a header with NUL": sent("X-A: a\0b\r\n"),
    "a folded header": sent("X-A: a\r\n b\r\n"),
    "a blank before the colon": sent("X-A : b\r\n"),
    "no HTTP": lambda body: b"\x16\x03\x01" + body,
    "HTTP/2": lambda body: b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + body,
}  # fmt: skip


def talk(box: Box, build: Build) -> tuple[list[int], int]:
    """Send a read; return the statuses that came back, but for 100, and how often the read is on disk."""
    one = said()
    answer = box.raw(build(hikvision(one).body), timeout_s=3.0)
    statuses = [int(status) for status in re.findall(rb"HTTP/1\.1 (\d+)", answer)]
    return [status for status in statuses if status != 100], kept_of(box, one.message_id)


def kept_of(box: Box, message_id: str) -> int:
    return sum(arrival.sent.read.message_id == message_id for arrival in box.kept())


@pytest.mark.parametrize("build", TAKEN.values(), ids=TAKEN)
def test_what_can_be_read_is_on_disk_and_then_answered(box: Box, build: Build):
    assert talk(box, build) == ([200], 1)


@pytest.mark.parametrize("build", REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_read_is_refused_and_nothing_of_it_is_taken(box: Box, build: Build):
    [status], kept = talk(box, build)
    assert (status // 100, kept) == (4, 0)


def test_a_wish_for_another_protocol_may_come_in_pieces_and_one_behind_the_other(box: Box):
    several = [said() for _ in range(3)]
    wire = b"".join(sent(JAVA)(hikvision(one).body) for one in several)
    with socket.create_connection(("127.0.0.1", box.port), timeout=3) as connection:
        for start in range(0, len(wire), 97):
            connection.sendall(wire[start : start + 97])
        answer = b""
        while answer.count(b" 200 OK") < 3:
            answer += connection.recv(65536)
    assert [kept_of(box, one.message_id) for one in several] == [1, 1, 1]
    many = sent(JAVA, method="OPTIONS")(b"") * 600 + sent(method="OPTIONS")(b"")
    assert box.raw(many, 10).count(b" 405 Method") == 601, "however many come in one piece"


def test_pipelined_reads_are_each_on_disk_and_answered_in_turn_behind_a_stranger_too(box: Box):
    several = [said() for _ in range(20)]
    bodies = [hikvision(one).body for one in several]
    wire = sent("", path="/reads/K01/wrong")(b"x" * 10) + b"".join(sent("")(body) for body in bodies[:-1])
    answer = box.raw(wire + sent()(bodies[-1]), 5)
    assert re.findall(rb"HTTP/1\.1 (\d+)", answer) == [b"403"] + [b"200"] * 20
    assert [kept_of(box, one.message_id) for one in several] == [1] * 20


def test_a_sender_that_closes_its_half_is_answered_and_one_that_goes_away_leaves_nothing(box: Box):
    whole, cut = said(), said()
    for one, missing in ((whole, 0), (cut, 10)):
        wire = sent("")(hikvision(one).body)
        with socket.create_connection(("127.0.0.1", box.port), timeout=3) as connection:
            connection.sendall(wire[: len(wire) - missing])
            connection.shutdown(socket.SHUT_WR)
            answer = b"".join(iter(lambda: connection.recv(65536), b""))
        assert (b" 200 OK" in answer, kept_of(box, one.message_id)) == (not missing, int(not missing))


@pytest.mark.parametrize(
    ("first", "then"),
    [
        (f"POST /reads/K01/wrong HTTP/1.1\r\nHost: a\r\nContent-Length: 99\r\n\r\n{'x' * 50}", b"x"),
        (f"OPTIONS {PLACE} HTTP/1.1\r\nHost: a\r\nContent-Length: 99\r\n\r\n{'x' * 50}", b"x"),
        (f"GET {PLACE}/x HTTP/1.1\r\nHost: a\r\n\r\n", b"\r\n"),
        ("GET / HTTP/1.1\r\nHost: a\r\n\r\n", b"G"),
    ],
)
def test_nobody_holds_a_connection_by_going_on_with_what_was_answered(box: Box, first: str, then: bytes):
    with socket.create_connection(("127.0.0.1", box.port), timeout=4) as connection:
        connection.sendall(first.encode())
        assert connection.recv(65536).startswith(b"HTTP/1.1 ")
        began = time.monotonic()
        try:
            connection.sendall(then)
            while connection.recv(65536):
                pass
        except ConnectionError:
            pass
        assert time.monotonic() - began < 3


def digest(challenge: str, *, has_qop: bool, **more: str) -> str:
    """Return an answer to a challenge; `more` stands in it beside what was signed."""
    fields = fields_of(challenge) | {"username": "kakou", "uri": "/reads/K03"}
    fields |= {"nc": "00000001", "cnonce": "a"} if has_qop else {}
    fields = fields if has_qop else {name: value for name, value in fields.items() if name != "qop"}
    signed = response_to(fields, "POST", "kakou", SECRET)
    return "Digest " + ", ".join(f'{name}="{value}"' for name, value in ({"response": signed} | fields | more).items())


def test_an_answer_to_a_challenge_serves_once_whatever_is_written_beside_it(box: Box):
    wire = hikvision(said())

    def post(header: str) -> int:
        return box.post("/reads/K03", wire.body, {"authorization": header, "content-type": wire.content_type}).status

    challenge = box.post("/reads/K03", b"").headers["www-authenticate"]
    assert post(digest(challenge, has_qop=False)) == 200
    beside: tuple[dict[str, str], ...] = (
        {},
        {"nc": "00000002"},
        {"cnonce": "b"},
        {"nc": "2", "cnonce": "c", "opaque": ""},
    )
    assert [post(digest(challenge, has_qop=False, **more)) for more in beside] == [401] * 4
    for odd in ({"response": "\xff"}, {"nonce": "\xff"}, {"uri": "http://[::1"}, {"username": "\xff"}, {"realm": ""}):
        again = box.post("/reads/K03", b"").headers["www-authenticate"]
        assert post(digest(again, has_qop=True, **odd)) == 401


def test_a_challenge_that_is_old_or_somebody_elses_lets_nobody_in():
    now = [0.0]
    mine, other = (DigestAuth(lambda: now[0]) for _ in range(2))
    header = digest(mine.challenge(), has_qop=True)
    asked = ("POST", "/reads/K03", "kakou", SECRET)
    assert f'realm="{REALM}"' in header
    assert other.judge(header, *asked) is Verdict.STALE, "of who knows the secret: a box that was started again"
    assert other.judge(header, "POST", "/reads/K03", "kakou", "another") is Verdict.WRONG
    now[0] = NONCE_S + 1
    assert mine.judge(header, *asked) is Verdict.STALE
    now[0] = 1.0
    assert mine.judge(header, *asked) is Verdict.RIGHT
    assert mine.judge(header, *asked) is Verdict.WRONG
    now[0] = REMEMBERED_S
    assert mine.judge(header, *asked) is Verdict.WRONG, "it served, and was recorded"


def test_no_answer_serves_twice_however_many_came_since():
    now = [0.0]
    door = DigestAuth(lambda: now[0], max_used=1000)
    asked = ("POST", "/reads/K03", "kakou", SECRET)
    first = digest(door.challenge(), has_qop=True)
    answers = []
    for number in range(3000):  # of one camera, 500 a second
        now[0] = number / 500
        answers.append(
            digest(door.challenge(), has_qop=True) if number % 3 else digest(door.challenge(), has_qop=False)
        )
        assert door.judge(answers[-1], *asked) is Verdict.RIGHT
    assert not any(door.judge(each, *asked) is Verdict.RIGHT for each in answers)
    assert door.judge(first, *asked) is not Verdict.RIGHT, "nobody knows any more whether it served"
    assert "stale=true" in door.challenge(first)
    assert "stale" not in door.challenge() + door.challenge(digest(door.challenge(), has_qop=True))
