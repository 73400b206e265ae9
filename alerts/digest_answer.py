"""The client's half of HTTP digest with MD5, as GA/T 1400 asks for it."""

import re
import secrets
from collections.abc import Mapping
from hashlib import md5

FIELD = re.compile(r'(\w+)\s*=\s*(?:"([^"]*)"|([^\s,]+))')


def fields_of(header: str) -> dict[str, str]:
    """Return the fields of a digest header, names in lower case; values may be quoted or not."""
    rest = header.partition(" ")[2]
    return {found[1].lower(): found[2] if found[2] is not None else found[3] for found in FIELD.finditer(rest)}


def answer_to(challenge: str, method: str, uri: str, user: str, secret: str) -> str:
    """Return an Authorization header for a WWW-Authenticate header."""
    asked = fields_of(challenge)
    said: dict[str, str] = {name: asked[name] for name in ("realm", "nonce", "opaque") if name in asked}
    said |= {"username": user, "uri": uri}
    if "qop" in asked:
        said |= {"qop": "auth", "nc": "00000001", "cnonce": secrets.token_hex(8)}
    words = ", ".join(f'{name}="{value}"' for name, value in said.items())
    return f'Digest {words}, response="{response_to(said, method, user, secret)}"'


def response_to(said: Mapping[str, str], method: str, user: str, secret: str) -> str:
    """Return the digest that a client with this secret answers, from the fields of its header."""
    who = _md5(f"{user}:{said.get('realm', '')}:{secret}")
    what = _md5(f"{method}:{said.get('uri', '')}")
    if "qop" not in said:
        return _md5(f"{who}:{said.get('nonce', '')}:{what}")
    fields = (said.get(name, "") for name in ("nonce", "nc", "cnonce", "qop"))
    return _md5(":".join((who, *fields, what)))


def _md5(text: str) -> str:
    return md5(text.encode(), usedforsecurity=False).hexdigest()  # the interface knows no other
