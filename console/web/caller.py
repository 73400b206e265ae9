"""Who calls, as far as an address says, and how a telephone gets here."""

import io

import segno
from fastapi import Request

from console.parts import Console


def address_of(request: Request, console: Console) -> str:
    """Return the caller's address; a proxy's word for it is believed only from a trusted proxy."""
    peer = request.client.host if request.client else ""
    forwarded = request.headers.get("x-forwarded-for", "")
    if peer in console.settings.trusted_proxies and forwarded:
        return forwarded.rsplit(",", 1)[-1].strip()[:64]
    return peer


def qr_svg(text: str) -> str:
    """Return an SVG element made by us from a secret made by us: the one piece of markup that is not escaped."""
    buffer = io.BytesIO()
    segno.make(text, error="m").save(
        buffer,
        kind="svg",
        xmldecl=False,
        svgns=False,
        scale=5,
        unit="px",  # or it has no view box, and is cut where it has less room than its size
        dark="#000",
        light="#fff",
        svgclass="qr",
        lineclass=None,
    )
    return buffer.getvalue().decode()
