"""A picture from outside is decoded where it can harm nobody, and never larger than there is room for."""

import os
import resource
import signal
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import psutil
import pytest

from ocr.decoding import PictureDecoder
from ocr.decoding_child import CPU_S, MEMORY_MIB
from ocr.types import OcrError
from tests.test_ocr_images import write_bomb, write_noise

SIDE = 5000
"""25 million pixels: 72 MiB whole, 18 MiB at half the size."""


@pytest.fixture(scope="module")
def decoder() -> Iterator[PictureDecoder]:
    with PictureDecoder() as decoder:
        yield decoder


def child_of(decoder: PictureDecoder, path: Path) -> psutil.Process:
    """Return the process that has just decoded a file."""
    before = {process.pid for process in psutil.Process().children()}
    decoder.close()
    decoder.load(path)
    (child,) = (one for one in psutil.Process().children() if one.pid not in before)
    return child


def peak_mib(process: psutil.Process) -> float:
    lines = Path(f"/proc/{process.pid}/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM"))


def test_a_large_jpeg_comes_at_half_its_size_and_takes_no_more_than_that(decoder: PictureDecoder, tmp_path: Path):
    path = tmp_path / "large.jpg"
    cv2.imwrite(str(path), np.full((SIDE, SIDE), 90, np.uint8))
    small = write_noise(tmp_path / "small.png")
    child = child_of(decoder, small)
    before_mib = peak_mib(child)
    picture = decoder.load(path)
    assert picture.image.shape == (SIDE // 2, SIDE // 2, 3)
    assert picture.shrunk_by == 2
    assert (picture.image == 90).all()
    assert peak_mib(child) - before_mib < 50, "decoded at half its size, not scaled to it"


def test_other_large_pictures_are_scaled_within_the_bounds(decoder: PictureDecoder, tmp_path: Path):
    picture = decoder.load(write_bomb(tmp_path / "large.png", SIDE))
    assert (picture.image.shape, picture.shrunk_by) == ((2500, 2500, 3), 2)


def test_the_child_is_bounded_in_memory_and_time(decoder: PictureDecoder, tmp_path: Path):
    child = child_of(decoder, write_noise(tmp_path / "a.png"))
    room, _ = child.rlimit(resource.RLIMIT_AS)
    assert room < child.memory_info().vms + (MEMORY_MIB + 64) * 2**20
    seconds, _ = child.rlimit(resource.RLIMIT_CPU)
    assert seconds < sum(child.cpu_times()[:2]) + CPU_S + 1


@pytest.mark.parametrize("end", [signal.SIGSEGV, signal.SIGXCPU])
def test_a_decoder_that_dies_ends_only_its_picture(decoder: PictureDecoder, tmp_path: Path, end: signal.Signals):
    path = write_noise(tmp_path / "a.png")
    os.kill(child_of(decoder, path).pid, end)
    with pytest.raises(OcrError, match=r"a\.png：(解码时崩溃|用了 20 秒还没有解码)"):
        decoder.load(path)
    assert decoder.load(path).image.shape == (240, 320, 3)


def test_content_is_decoded_like_a_file_and_a_bad_one_is_named(decoder: PictureDecoder, tmp_path: Path):
    path = write_noise(tmp_path / "a.jpg")
    assert (decoder.decode(path.read_bytes(), "photo").image == decoder.load(path).image).all()
    for content in (b"", b"MZ" + bytes(90), path.read_bytes()[:60], path.read_bytes()[:-2000]):
        with pytest.raises(OcrError, match=r"photo：.+"):
            decoder.decode(content, "photo")


def test_nothing_is_left_behind(tmp_path: Path):
    before = {process.pid for process in psutil.Process().children()}
    with PictureDecoder() as decoder:
        decoder.load(write_noise(tmp_path / "a.png"))
    assert {process.pid for process in psutil.Process().children()} <= before
