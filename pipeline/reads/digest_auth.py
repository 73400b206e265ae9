"""HTTP digest as cameras speak it (RFC 7616, GA/T 1400): each nonce-and-count serves once.

Seen in the field, and taken: a full URL as `uri`, `nc` as 1 in place of 00000001, `qop` and `nc` quoted or not.
"""

import base64
import hmac
import secrets
from collections import OrderedDict
from collections.abc import Callable
from hashlib import sha256
from urllib.parse import urlsplit

from alerts.digest_answer import fields_of, response_to

REALM = "viid"
NONCE_S = 120.0
MAX_USED = 20_000


class DigestAuth:
    """Challenges, and answers to them. `now_s` is monotonic."""

    def __init__(self, now_s: Callable[[], float]) -> None:
        self._now_s = now_s
        self._key = secrets.token_bytes(32)
        self._used: OrderedDict[tuple[str, str, str], None] = OrderedDict()

    def challenge(self) -> str:
        """Return a WWW-Authenticate header."""
        until = f"{self._now_s() + NONCE_S:.3f}:{secrets.token_hex(8)}"
        nonce = base64.b64encode(f"{until}:{self._mark(until)}".encode()).decode()
        return f'Digest realm="{REALM}", qop="auth", algorithm=MD5, nonce="{nonce}", opaque="{secrets.token_hex(8)}"'

    def is_right(self, header: str, method: str, target: str, user: str, secret: str) -> bool:
        """Return whether an Authorization header answers a challenge of ours that nobody has answered before.

        `target` is the path with its query, as it was asked for.
        """
        said = fields_of(header)
        if header.partition(" ")[0].lower() != "digest" or not self._is_ours(said.get("nonce", "")):
            return False
        if said.get("username") != user or said.get("realm") != REALM or not _is_at(said.get("uri", ""), target):
            return False
        wanted = response_to(said, method, user, secret)
        if not hmac.compare_digest(wanted.encode(), said.get("response", "").lower().encode()):
            return False
        # Without qop the digest holds neither count nor client: whoever listened could write others beside it.
        counted = (said.get("nc", ""), said.get("cnonce", "")) if "qop" in said else ("", "")
        return self._is_first(said["nonce"], *counted)

    def _is_first(self, *use: str) -> bool:
        nonce, count, client = use
        if (nonce, count, client) in self._used:
            return False
        self._used[nonce, count, client] = None
        while len(self._used) > MAX_USED:
            self._used.popitem(last=False)
        return True

    def _is_ours(self, nonce: str) -> bool:
        try:
            until, _, mark = base64.b64decode(nonce, validate=True).decode("ascii").rpartition(":")
            limit_s = float(until.partition(":")[0])
        except ValueError:
            return False
        return hmac.compare_digest(mark, self._mark(until)) and self._now_s() <= limit_s

    def _mark(self, until: str) -> str:
        return hmac.new(self._key, until.encode(), sha256).hexdigest()[:32]


def _is_at(uri: str, target: str) -> bool:
    try:
        link = urlsplit(uri)
    except ValueError:
        return False
    return f"{link.path}?{link.query}".rstrip("?") == target.rstrip("?")
