"""Which packets of a stream no other one refers to; demuxers of live streams do not say it."""

START_CODE = b"\x00\x00\x01"
SLICES = (1, 5)
"""NAL unit types of coded slices (ITU-T H.264, table 7-1)."""
HEAD_BYTES = 4096


def is_disposable(codec: str, packet: bytes | memoryview) -> bool:
    """Return whether the packet is an H.264 picture (byte stream format) that nothing refers to.

    False for other codecs: in HEVC a picture's own NAL unit tells it only of its temporal layer.
    """
    if codec != "h264":
        return False
    head = bytes(packet[:HEAD_BYTES])
    place = head.find(START_CODE)
    while 0 <= place < len(head) - 3:
        unit = head[place + 3]
        if unit & 0x1F in SLICES:
            return not unit & 0x60
        place = head.find(START_CODE, place + 3)
    return False
