"""Pictures of an event, as a box writes them."""

import hashlib
from pathlib import Path
from typing import Any

import cv2
import numpy as np


def write_pictures(folder: Path, text: str) -> dict[str, Any]:
    """Put a drawn car and its plate into the evidence folder; returns the event's picture fields."""
    evidence = folder / "evidence"
    evidence.mkdir(parents=True, exist_ok=True)
    number = int(hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()[:6], 16)
    car = np.full((540, 860, 3), (96, 92, 86), np.uint8)
    cv2.rectangle(car, (170, 120), (690, 460), (40 + number % 120, 60, 50 + number % 90), -1)
    cv2.rectangle(car, (240, 150), (620, 270), (150, 140, 120), -1)
    plate = np.full((100, 314, 3), (166, 71, 23), np.uint8)
    cv2.putText(plate, text[1:], (20, 72), cv2.FONT_HERSHEY_SIMPLEX, 1.7, (255, 255, 255), 4, cv2.LINE_AA)
    car[360:415, 345:517] = cv2.resize(plate, (172, 55))
    name = f"{number:06x}"
    cv2.imwrite(str(evidence / f"{name}-car.jpg"), car)
    cv2.imwrite(str(evidence / f"{name}-plate.jpg"), plate)
    return {"vehicle_picture": f"{name}-car.jpg", "plate_picture": f"{name}-plate.jpg"}


def jpeg(folder: Path) -> bytes:
    picture: Path = folder / "evidence" / write_pictures(folder, "x12345")["vehicle_picture"]
    return picture.read_bytes()
