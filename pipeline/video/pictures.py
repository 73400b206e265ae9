"""From a decoded frame to the picture that people see: whole, upright, in colour."""

import av
import cv2
import numpy as np

from ocr.types import BgrImage
from pipeline.video.capture_protocol import FrameMemory
from pipeline.video.close_looks import Place
from pipeline.video.deinterlace import Plane, deinterlaced, deinterlaced_i420, doubled_rows, is_single_field

PLANAR_420 = ("yuv420p", "yuvj420p")
BYTE_BITS = 8


def luma_of(frame: av.VideoFrame) -> Plane:
    """Return the brightness of a frame, rows by columns; where it has a byte a pixel, no copy."""
    plane = frame.planes[0]
    has_bytes = frame.format.name.startswith(("yuv", "nv", "gray")) and frame.format.components[0].bits == BYTE_BITS
    if not has_bytes or plane.width > plane.line_size:
        return np.asarray(frame.to_ndarray(format="gray", threads=1), np.uint8)
    # PyAV's planes are buffers, but their class does not say so to type checkers.
    return np.frombuffer(memoryview(plane), np.uint8).reshape(-1, plane.line_size)[: plane.height, : plane.width]


def put_picture(frame: av.VideoFrame, memory: FrameMemory, slot: int) -> tuple[int, int] | None:
    """Put a frame's picture into a slot; return its (height, width), None when there is no room."""
    try:
        picture = picture_of(frame)
        target = memory.picture(slot, *picture.shape[:2])
    except (ValueError, cv2.error, av.FFmpegError):
        return None
    target[:] = picture
    return target.shape[0], target.shape[1]


def shown_size(frame: av.VideoFrame) -> tuple[int, int]:
    """Return the (height, width) of the picture that `picture_of` makes of it."""
    is_doubled = frame.interlaced_frame and is_single_field(frame.height, frame.width)
    height, width = frame.height * (2 if is_doubled else 1), frame.width
    return (width, height) if frame.rotation // 90 % 2 else (height, width)


def shown_places(frame: av.VideoFrame, places: tuple[Place, ...] | None) -> tuple[Place, ...] | None:
    """Return where on the picture that people see the places lie that were found on the frame as it was decoded."""
    for _ in range(frame.rotation // 90 % 4):
        places = None if places is None else tuple((y1, 1.0 - x2, y2, 1.0 - x1) for x1, y1, x2, y2 in places)
    return places


def picture_of(frame: av.VideoFrame) -> BgrImage:
    """Return the frame as people see it: whole, upright, in colour."""
    if frame.interlaced_frame:
        picture = _picture_of_fields(frame)
    else:
        picture = np.asarray(frame.to_ndarray(format="bgr24", threads=1), np.uint8)
    # What a phone that was held upright says of its picture.
    return np.ascontiguousarray(np.rot90(picture, frame.rotation // 90)) if frame.rotation % 360 else picture


def _picture_of_fields(frame: av.VideoFrame) -> BgrImage:
    if is_single_field(frame.height, frame.width):
        return doubled_rows(np.asarray(frame.to_ndarray(format="bgr24", threads=1), np.uint8))
    if frame.format.name in PLANAR_420 and frame.height % 4 == 0 and frame.width % 2 == 0:
        planes = deinterlaced_i420(np.asarray(frame.to_ndarray(), np.uint8), frame.height)
        return np.asarray(cv2.cvtColor(planes, cv2.COLOR_YUV2BGR_I420), np.uint8)
    return deinterlaced(np.asarray(frame.to_ndarray(format="bgr24", threads=1), np.uint8))
