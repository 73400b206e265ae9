"""What a machine calls itself in notices, canaries and reports."""

import socket


def box_origin() -> str:
    return f"box:{socket.gethostname()}"


def centre_origin() -> str:
    return f"centre:{socket.gethostname()}"
