"""A picture of the reads that went wrong, for eyes; written outside the repository, since it shows real plates."""

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from ocr.images import load_image
from ocr.types import BgrImage, PlateRead

TILE_WIDTH, TILE_HEIGHT, CAPTION_HEIGHT, COLUMNS = 220, 80, 40, 6


@dataclass(frozen=True, slots=True)
class WorstRead:
    path: Path
    truth: str
    read: PlateRead | None


def write_sheet(reads: list[WorstRead], path: Path, most: int = 90) -> None:
    """Write the most confident wrong reads first. Raises ValueError for a path inside the repository."""
    if path.resolve().is_relative_to(Path(__file__).resolve().parents[1]):
        raise ValueError(f"{path} is inside the repository: real plates never go there")
    ordered = sorted(reads, key=lambda one: -(one.read.confidence if one.read else 0.0))[:most]
    tiles = [_tile(one) for one in ordered]
    while len(tiles) % COLUMNS or not tiles:
        tiles.append(np.zeros((TILE_HEIGHT + CAPTION_HEIGHT, TILE_WIDTH, 3), np.uint8))
    rows = [np.hstack(tiles[start : start + COLUMNS]) for start in range(0, len(tiles), COLUMNS)]
    cv2.imwrite(str(path), np.vstack(rows))


def _tile(one: WorstRead) -> BgrImage:
    picture = cv2.resize(load_image(one.path), (TILE_WIDTH, TILE_HEIGHT), interpolation=cv2.INTER_AREA)
    tile = np.zeros((TILE_HEIGHT + CAPTION_HEIGHT, TILE_WIDTH, 3), np.uint8)
    tile[:TILE_HEIGHT] = picture
    said = one.read.text if one.read else "-"
    confidence = one.read.confidence if one.read else 0.0
    for line, text in enumerate((f"true {_ascii(one.truth)}", f"read {_ascii(said)} {confidence:.2f}")):
        position = (4, TILE_HEIGHT + 16 + 17 * line)
        cv2.putText(tile, text, position, cv2.FONT_HERSHEY_SIMPLEX, 0.5, (255, 255, 255), 1, cv2.LINE_AA)
    return tile


def _ascii(text: str) -> str:
    """OpenCV's own fonts have no Chinese characters: show the code point's last digits instead."""
    return "".join(c if c.isascii() else f"<{ord(c) & 0xFFF:03x}>" for c in text)
