"""Server-sent events, as screens and booth pages get them."""


def encode(kind: str, payload: str) -> bytes:
    """Return one server-sent event; `payload` is JSON and so has no line breaks."""
    return f"event: {kind}\ndata: {payload}\n\n".encode()
