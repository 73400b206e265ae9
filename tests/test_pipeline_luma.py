"""The gate and the judge of a picture look at its brightness, however many bits the camera sends."""

import av
import numpy as np
import pytest

from pipeline.video.pictures import luma_of


@pytest.mark.parametrize(
    "form", ["yuv420p", "yuvj420p", "nv12", "gray", "yuv420p10le", "yuv422p10le", "yuv420p12le", "gray10le", "p010le"]
)
def test_the_brightness_of_a_pixel_is_a_byte_whatever_the_camera_sends(form: str) -> None:
    picture = np.full((96, 160, 3), 40, np.uint8)
    picture[:, 120:] = 220  # right of the middle: half of the bytes of a row of ten bits
    frame = av.VideoFrame.from_ndarray(picture, format="bgr24").reformat(format=form)
    luma = luma_of(frame)
    assert luma.shape == (96, 160)
    assert luma[:, :112].max() < 60
    assert luma[:, 128:].min() > 190
