"""What people wrote, without the characters that turn the text around it: a note must read as it was written."""

_TURNING = dict.fromkeys([0x061C, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A)])
"""Unicode's bidirectional controls (UAX #9, section 2). Arabic or Hebrew letters need none of them."""


def without_turns(shown: object) -> object:
    """Return a text without them, and anything else as it is; for the templates, which call it for all they show."""
    return shown.translate(_TURNING) if isinstance(shown, str) and not shown.isascii() else shown
