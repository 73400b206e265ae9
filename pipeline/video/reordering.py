"""A decoder of H.264 that holds no picture back for longer than the pictures' order asks for.

FFmpeg holds back as many pictures as the encoder says may be out of order, and encoders say more than they do: x264 two
where it sends two B pictures in a row, whose order asks for one, and each makes all pictures 40 ms older (80 where some
are passed over undecoded). Where nothing is said FFmpeg finds out by the pictures themselves, and drops those that show
it to have been wrong: two when a connection begins. (ITU-T H.264, 7.3.2.1.1 and E.1.1; FFmpeg's h264_picture.c.)
"""

import re
from functools import lru_cache
from typing import Any

import av

from pipeline.video.disposable import START_CODE, unit_heads

FILTERED = ("h264", "hevc")
"""Codecs with a loop filter that FFmpeg can leave out."""
SPS = 7
"""NAL unit type of a sequence parameter set."""
HIGH_PROFILES = (100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135)
EXTENDED_RATIO = 255
ALL_CHROMA = 3
LONGEST_SPS = 1024
"""Bytes; some 40 are usual, and matrices, all there are, take 900. What is longer is left as it came."""
_SPS_UNIT = re.compile(rb"(?<=\x00\x00\x01)[\x07\x27\x47\x67].*?(?=\x00\x00\x01|\x00\x00\x00|\Z)", re.DOTALL)


def own_decoder(stream: "av.VideoStream", *, is_rough: bool = False) -> "av.VideoCodecContext | None":
    """Return another decoder than the stream's; None where neither order nor roughness makes a difference.

    An H.264 one is for packets that went through `without_restriction`: the stream's has been told how much is held
    back. `is_rough`: it leaves out the loop filter, a fifth to a quarter of the work. Edges of blocks are not smoothed,
    and what it shows is, from one picture that stands by itself to the next, ever further from what was encoded.
    """
    told, codec = stream.codec_context.extradata or b"", stream.codec_context.name
    if codec not in FILTERED or not told.startswith((START_CODE, b"\x00" + START_CODE)):
        return None
    decoder = av.CodecContext.create(codec, "r")
    assert isinstance(decoder, av.VideoCodecContext)
    decoder.extradata = _without_restriction(told) if codec == "h264" else told
    decoder.options = {"skip_loop_filter": "all"} if is_rough else {}
    return decoder


def without_restriction(packet: "av.Packet[av.VideoStream]") -> "av.Packet[Any]":
    """Return the packet without what its parameter sets, if it has any, say of pictures that are held back."""
    if not any(head & 0x1F == SPS for head in unit_heads(memoryview(packet))):
        return packet
    changed = av.Packet(_without_restriction(bytes(packet)))
    changed.pts, changed.dts, changed.time_base = packet.pts, packet.dts, packet.time_base
    return changed


def _without_restriction(units: bytes) -> bytes:
    return _SPS_UNIT.sub(lambda unit: unit[0] if len(unit[0]) > LONGEST_SPS else _unrestricted(unit[0]), units)


@lru_cache(maxsize=4)
def _unrestricted(sps: bytes) -> bytes:
    bits = _Bits(sps[1:].replace(b"\x00\x00\x03", b"\x00\x00"))
    try:
        _pass_to_vui(bits)
        if not bits.take():
            return sps
        _pass_to_restriction(bits)
    except IndexError:
        return sps
    # No restriction, and the bit that ends a unit.
    kept = bits.text[: bits.at] + "01"
    kept += "0" * (-len(kept) % 8)
    raw = sps[:1] + int(kept, 2).to_bytes(len(kept) // 8, "big")
    return re.sub(rb"\x00\x00(?=[\x00-\x03])", b"\x00\x00\x03", raw)


class _Bits:
    """The bits of a parameter set, and where they are read next. Raises IndexError at their end."""

    def __init__(self, raw: bytes) -> None:
        self.text = "".join(f"{byte:08b}" for byte in raw)
        self.at = 0

    def take(self, count: int = 1) -> int:
        if self.at + count > len(self.text):
            raise IndexError(count)
        self.at += count
        return int(self.text[self.at - count : self.at], 2) if count else 0

    def ue(self) -> int:
        zeros = 0
        while not self.take():
            zeros += 1
        return (1 << zeros) - 1 + self.take(zeros)

    def pass_ue(self, count: int) -> None:
        for _ in range(count):
            self.ue()


def _pass_to_vui(bits: _Bits) -> None:
    profile = bits.take(8)
    bits.take(16)
    bits.ue()
    if profile in HIGH_PROFILES:
        _pass_chroma(bits)
    bits.ue()
    order = bits.ue()
    if order == 0:
        bits.ue()
    elif order == 1:
        bits.take()
        bits.pass_ue(2)
        bits.pass_ue(bits.ue())
    bits.ue()
    bits.take()
    bits.pass_ue(2)
    bits.take(1 if bits.take() else 2)
    if bits.take():
        bits.pass_ue(4)


def _pass_chroma(bits: _Bits) -> None:
    chroma = bits.ue()
    bits.take(chroma == ALL_CHROMA)
    bits.pass_ue(2)
    bits.take()
    if not bits.take():
        return
    for number in range(12 if chroma == ALL_CHROMA else 8):
        last = following = 8
        for _ in range((16 if number < 6 else 64) if bits.take() else 0):
            if following:
                code = bits.ue()
                following = (last + (code + 1) // 2 * (1 if code % 2 else -1)) % 256
            last = following or last


def _pass_to_restriction(bits: _Bits) -> None:
    if bits.take() and bits.take(8) == EXTENDED_RATIO:
        bits.take(32)
    if bits.take():
        bits.take()
    if bits.take():
        bits.take(4)
        bits.take(24 if bits.take() else 0)
    if bits.take():
        bits.pass_ue(2)
    bits.take(65 if bits.take() else 0)
    has_hrd = [_pass_hrd(bits) for _ in range(2)]
    bits.take(2 if any(has_hrd) else 1)


def _pass_hrd(bits: _Bits) -> bool:
    if not bits.take():
        return False
    count = bits.ue() + 1
    bits.take(8)
    for _ in range(count):
        bits.pass_ue(2)
        bits.take()
    bits.take(20)
    return True
