"""HTTP digest as cameras speak it (RFC 7616, GA/T 1400): each nonce-and-count serves once.

Seen in the field, and taken: a full URL as `uri`, `nc` as 1 in place of 00000001, `qop` and `nc` quoted or not.
"""

import base64
import hmac
import secrets
from collections import OrderedDict
from collections.abc import Callable
from enum import Enum, auto
from hashlib import sha256
from urllib.parse import urlsplit

from alerts.digest_answer import fields_of, response_to

REALM = "viid"
NONCE_S = 120.0
ROUNDED_S = 0.001
"""How exactly a nonce says until when it serves."""
REMEMBERED_S = 5 * NONCE_S
"""An answer that comes again within it is known as a recorded one; later it is like any other to an old challenge."""
MAX_USED = 100_000
"""Answers that are remembered, some 20 MB; where more come within NONCE_S, nonces live shorter."""


class Verdict(Enum):
    """What an Authorization header is worth."""

    RIGHT = auto()
    STALE = auto()
    """By who knows the secret, to a challenge that is over or of before a restart: let it answer a new one."""
    WRONG = auto()
    """Of another place, user or secret, or used before."""


class DigestAuth:
    """Challenges, and answers to them. `now_s` is monotonic."""

    def __init__(self, now_s: Callable[[], float], max_used: int = MAX_USED) -> None:
        self._now_s = now_s
        self._max_used = max_used
        self._key = secrets.token_bytes(32)
        self._used: OrderedDict[bytes, float] = OrderedDict()
        """Digests of the answers that served, and when each did."""
        self._over_s = 0.0
        """Nonces until then are over: it is no longer known which of their answers served."""

    def challenge(self, answered: str = "") -> str:
        """Return a WWW-Authenticate header; `answered` is what the sender gave, which was not let in."""
        until = f"{self._now_s() + NONCE_S:.3f}:{secrets.token_hex(8)}"
        nonce = base64.b64encode(f"{until}:{self._mark(until)}".encode()).decode()
        given = fields_of(answered).get("nonce", "")
        stale = ", stale=true" if given and not self._is_ours(given) else ""
        said = f'realm="{REALM}", qop="auth", algorithm=MD5, nonce="{nonce}", opaque="{secrets.token_hex(8)}"'
        return f"Digest {said}{stale}"

    def judge(self, header: str, method: str, target: str, user: str, secret: str) -> Verdict:
        """Return whether an Authorization header answers a challenge of ours that nobody has answered before.

        `target` is the path with its query, as it was asked for.
        """
        said = fields_of(header)
        if header.partition(" ")[0].lower() != "digest" or not said.get("nonce"):
            return Verdict.WRONG
        if said.get("username") != user or said.get("realm") != REALM or not _is_at(said.get("uri", ""), target):
            return Verdict.WRONG
        wanted = response_to(said, method, user, secret)
        if not hmac.compare_digest(wanted.encode(), said.get("response", "").lower().encode()):
            return Verdict.WRONG
        # Without qop the digest holds neither count nor client: whoever listened could write others beside it.
        counted = (said.get("nc", ""), said.get("cnonce", "")) if "qop" in said else ("", "")
        key = sha256("\0".join((said["nonce"], *counted)).encode()).digest()[:16]
        if key in self._used:
            return Verdict.WRONG
        if not self._is_ours(said["nonce"]):
            return Verdict.STALE
        self._remember(key)
        return Verdict.RIGHT

    def _remember(self, key: bytes) -> None:
        now_s = self._now_s()
        while self._used and now_s - next(iter(self._used.values())) > REMEMBERED_S:
            self._used.popitem(last=False)
        self._used[key] = now_s
        while len(self._used) > self._max_used:
            self._over_s = self._used.popitem(last=False)[1] + NONCE_S + ROUNDED_S

    def _is_ours(self, nonce: str) -> bool:
        try:
            until, _, mark = base64.b64decode(nonce, validate=True).decode("ascii").rpartition(":")
            limit_s = float(until.partition(":")[0])
        except ValueError:
            return False
        is_over = self._now_s() > limit_s or limit_s <= self._over_s
        return hmac.compare_digest(mark, self._mark(until)) and not is_over

    def _mark(self, until: str) -> str:
        return hmac.new(self._key, until.encode(), sha256).hexdigest()[:32]


def _is_at(uri: str, target: str) -> bool:
    try:
        link = urlsplit(uri)
    except ValueError:
        return False
    return f"{link.path}?{link.query}".rstrip("?") == target.rstrip("?")
