"""What a machine calls itself in notices, canaries and reports."""

import socket

from kakou.settings import Settings


def box_origin() -> str:
    return f"box:{socket.gethostname()}"


def centre_origin() -> str:
    return f"centre:{socket.gethostname()}"


def box_place(settings: Settings) -> str:
    """Return the checkpoint that a box stands at: that of its first camera."""
    cameras = (*settings.sources, *settings.reads.devices)
    return cameras[0].checkpoint if cameras else box_origin()
