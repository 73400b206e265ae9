"""What a packet's first bytes tell of its picture's place among the others; demuxers of live streams do not say it."""

from collections.abc import Iterator

START_CODE = b"\x00\x00\x01"
H264_SLICES = (1, 5)
"""NAL unit types of coded slices (ITU-T H.264, table 7-1)."""
H264_IDR = 5
HEVC_SLICES = range(32)
HEVC_IDR = (19, 20)
"""IDR_W_RADL and IDR_N_LP (ITU-T H.265, table 7-1)."""
HEAD_BYTES = 4096


def is_disposable(codec: str, packet: bytes | memoryview) -> bool:
    """Return whether the packet is an H.264 picture (byte stream format) that nothing refers to.

    False for other codecs: in HEVC a picture's own NAL unit tells it only of its temporal layer.
    """
    if codec != "h264":
        return False
    first = next((unit for unit in unit_heads(packet) if unit & 0x1F in H264_SLICES), None)
    return first is not None and not first & 0x60


def begins_group(codec: str, packet: bytes | memoryview) -> bool:
    """Return whether no picture from this one on refers to one before it: an IDR picture of H.264 or HEVC.

    False for other codecs, and for a picture that stands by itself while some that follow reach back behind it.
    """
    if codec == "h264":
        return next((unit & 0x1F for unit in unit_heads(packet) if unit & 0x1F in H264_SLICES), None) == H264_IDR
    if codec == "hevc":
        kinds = (unit >> 1 & 0x3F for unit in unit_heads(packet))
        return next((kind for kind in kinds if kind in HEVC_SLICES), None) in HEVC_IDR
    return False


def unit_heads(packet: bytes | memoryview) -> Iterator[int]:
    """Yield the first byte of each NAL unit that begins in the packet's head."""
    head = bytes(packet[:HEAD_BYTES])
    place = head.find(START_CODE)
    while 0 <= place < len(head) - 3:
        yield head[place + 3]
        place = head.find(START_CODE, place + 3)
