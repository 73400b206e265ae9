"""Reads the text of plate crops: fast-plate-ocr's recogniser, used for its whole distribution."""

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from fast_plate_ocr import LicensePlateRecognizer

from ocr.detector import single_thread_options
from ocr.types import BgrImage, OcrError, PlateDistribution


class PlateRecognizer:
    """A model in fast-plate-ocr's format (ONNX and plate YAML) with a `region` output that tells the plate style."""

    def __init__(self, model: Path, config: Path, providers: tuple[str, ...] = ("CPUExecutionProvider",)) -> None:
        try:
            self._recognizer = LicensePlateRecognizer(
                onnx_model_path=model,
                plate_config_path=config,
                providers=list(providers),
                sess_options=single_thread_options(),
            )
        except Exception as error:
            raise OcrError(f"recogniser model {model} cannot be loaded: {error}") from error
        settings = self._recognizer.config
        alphabet, pad = settings.alphabet, settings.pad_char
        self._order = [i for i, c in enumerate(alphabet) if c != pad] + [alphabet.index(pad)]
        self.alphabet = "".join(alphabet[i] for i in self._order)
        self.styles = tuple(settings.plate_regions or ())
        self._size = (settings.img_width, settings.img_height)

    def recognize(self, crops: Sequence[BgrImage]) -> list[PlateDistribution]:
        """Return what each crop says. Crops of any size; they are resized without keeping their aspect ratio."""
        if not crops:
            return []
        batch = np.stack([self._prepare(crop) for crop in crops])
        text, *region = self._recognizer.model.run(self._recognizer._fetch_outputs, {"input": batch})
        text = text.reshape(len(crops), -1, len(self._order))[:, :, self._order]
        style = region[0] if region else np.zeros((len(crops), 0), np.float32)
        return [PlateDistribution(self.alphabet, t, self.styles, s) for t, s in zip(text, style, strict=True)]

    def _prepare(self, crop: BgrImage) -> BgrImage:
        if (crop.shape[1], crop.shape[0]) != self._size:
            larger = crop.shape[1] > 2 * self._size[0]
            method = cv2.INTER_AREA if larger else cv2.INTER_LINEAR
            crop = np.asarray(cv2.resize(crop, self._size, interpolation=method), np.uint8)
        return np.asarray(cv2.cvtColor(crop, cv2.COLOR_BGR2RGB), np.uint8)
