"""Bad files give a clear error, whatever they hold."""

import struct
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from ocr.decoding import PictureDecoder
from ocr.images import find_images, load_image
from ocr.types import OcrError


def write_noise(path: Path, height: int = 240, width: int = 320) -> Path:
    picture = np.random.default_rng(1).integers(0, 255, (height, width, 3), np.uint8)
    assert cv2.imwrite(str(path), picture)
    return path


def write_bomb(path: Path, side: int = 30_000) -> Path:
    """Write a PNG of side x side grey pixels in a few megabytes at most."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    # One row, packed so that it can stand any number of times in a stream, whose Adler-32 of zeros is its length.
    packer = zlib.compressobj(9, wbits=-15)
    row = packer.compress(bytes(side + 1)) + packer.flush(zlib.Z_FULL_FLUSH)
    checksum = struct.pack(">HH", side * (side + 1) % 65521, 1)
    body = b"\x78\xda" + row * side + b"\x03\x00" + checksum
    header = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", body) + chunk(b"IEND", b""))
    return path


def test_a_picture_is_three_channels_of_bytes(tmp_path: Path):
    grey16 = np.full((20, 30), 40_000, np.uint16)
    rgba = np.full((20, 30, 4), 128, np.uint8)
    assert cv2.imwrite(str(tmp_path / "grey16.png"), grey16)
    assert cv2.imwrite(str(tmp_path / "rgba.png"), rgba)
    for name in ("grey16.png", "rgba.png"):
        image = load_image(tmp_path / name)
        assert image.shape == (20, 30, 3)
        assert image.dtype == np.uint8


def test_a_png_bomb_is_refused_by_its_size(tmp_path: Path):
    with pytest.raises(OcrError, match="6700 万像素"):
        load_image(write_bomb(tmp_path / "bomb.png"))


def test_a_jpeg_cut_in_half_is_refused(tmp_path: Path):
    path = write_noise(tmp_path / "half.jpg")
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(OcrError, match="JPEG 不完整，画面下部缺"):
        load_image(path)


def test_a_jpeg_that_lacks_its_last_bytes_is_read(tmp_path: Path):
    path = write_noise(tmp_path / "short.jpg")
    path.write_bytes(path.read_bytes()[:-20])
    assert load_image(path).shape == (240, 320, 3)


@pytest.mark.parametrize(
    ("content", "why"),
    [(b"", "文件是空的"), (b"not a picture\n", "不是能解码的图片"), (b"\xff\xd8\xff", "不是能解码的图片")],
)
def test_what_is_no_picture_is_named(tmp_path: Path, content: bytes, why: str):
    path = tmp_path / "file.jpg"
    path.write_bytes(content)
    with pytest.raises(OcrError, match=rf"file\.jpg.*{why}"):
        load_image(path)


def test_a_missing_file_is_named(tmp_path: Path):
    with pytest.raises(OcrError, match=r"absent\.jpg：没有这个文件"):
        load_image(tmp_path / "absent.jpg")


def test_a_folder_gives_its_images_in_name_order(tmp_path: Path):
    (tmp_path / "deep").mkdir()
    for name in ("b.png", "deep/a.JPG", "notes.txt"):
        (tmp_path / name).write_bytes(b"x")
    assert [path.name for path in find_images(tmp_path)[0]] == ["b.png", "a.JPG"]


def test_a_folder_without_images_is_an_error(tmp_path: Path):
    with pytest.raises(OcrError, match="这个文件夹里没有图片"):
        find_images(tmp_path)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("suffix", ["jpg", "tif"])
def test_a_picture_is_turned_as_its_orientation_says(tmp_path: Path, suffix: str, orientation: int):
    """Red at the left, blue at the right, black below, as it is seen."""
    seen = np.zeros((64, 96, 3), np.uint8)
    seen[:48, :48], seen[:48, 48:] = (220, 0, 0), (0, 0, 220)
    turns = {2: "FLIP_LEFT_RIGHT", 3: "ROTATE_180", 4: "FLIP_TOP_BOTTOM", 5: "TRANSPOSE", 6: "ROTATE_90",
             7: "TRANSVERSE", 8: "ROTATE_270"}  # fmt: skip
    stored = Image.fromarray(seen)
    if orientation in turns:
        stored = stored.transpose(Image.Transpose[turns[orientation]])
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = tmp_path / f"turned.{suffix}"
    stored.save(path, exif=exif, quality=95)
    read = load_image(path)
    assert read.shape == (64, 96, 3)
    assert np.abs(read.astype(int)[:, :, ::-1] - seen)[[10, 10, 60], [10, 80, 50]].max() < 40


@pytest.mark.parametrize("name", ["a.tif", "a.gif", "a.webp", "a.png", "a.heic"])
def test_of_several_pictures_in_one_file_it_is_said_that_only_the_first_is_read(tmp_path: Path, name: str):
    pages = [Image.fromarray(np.full((64, 96, 3), shade, np.uint8)) for shade in (20, 200)]
    if name.endswith("heic"):
        import pillow_heif

        pillow_heif.register_heif_opener()
    pages[0].save(tmp_path / name, save_all=True, append_images=pages[1:])
    with PictureDecoder() as decoder:
        picture = decoder.load(tmp_path / name)
    assert picture.image.mean() < 40
    assert "2 张图片，只看了第一张" in (picture.unseen or "")


def test_a_scans_smaller_copy_and_what_a_phone_keeps_beside_a_photo_are_no_second_picture(tmp_path: Path):
    page, small = (Image.fromarray(np.full((64, 96, 3), 90, np.uint8)) for _ in range(2))
    small.encoderinfo = {"tiffinfo": {0xFE: 1}}
    page.save(tmp_path / "a.tif", save_all=True, append_images=[small])
    page.save(tmp_path / "a.jpg", format="MPO", save_all=True, append_images=[small])
    page.save(tmp_path / "b.jpg")
    with PictureDecoder() as decoder:
        assert [decoder.load(tmp_path / name).unseen for name in ("a.tif", "a.jpg", "b.jpg")] == [None] * 3


@pytest.mark.parametrize("damage", [bytes(400), b"\xff" * 400, b"\x5a" * 400])
def test_damage_in_the_middle_of_a_jpeg_is_said_and_the_rest_is_read(tmp_path: Path, damage: bytes):
    content = bytearray(write_noise(tmp_path / "a.jpg").read_bytes())
    content[len(content) // 3 : len(content) // 3 + len(damage)] = damage
    with PictureDecoder() as decoder:
        assert "有损坏" in (decoder.decode(bytes(content), "a.jpg").unseen or "")
        assert decoder.load(tmp_path / "a.jpg").unseen is None


@pytest.mark.parametrize("orientation", [3, 6, 8])
def test_an_avif_is_turned_as_its_orientation_says(tmp_path: Path, orientation: int):
    picture = np.full((64, 96, 3), 90, np.uint8)
    picture[:20, :30] = 250
    stored = {3: np.rot90(picture, 2), 6: np.rot90(picture, 1), 8: np.rot90(picture, -1)}[orientation]
    exif = Image.Exif()
    exif[0x112] = orientation
    Image.fromarray(np.ascontiguousarray(stored)).save(tmp_path / "a.avif", exif=exif, quality=95)
    assert np.abs(load_image(tmp_path / "a.avif").astype(int) - picture).mean() < 8
