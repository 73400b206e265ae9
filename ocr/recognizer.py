"""Reads the text of plate crops: fast-plate-ocr's recogniser, used for its whole distribution."""

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from fast_plate_ocr import LicensePlateRecognizer
from numpy.typing import NDArray

from ocr.opening import opening, single_thread_options
from ocr.types import BgrImage, PlateDistribution

CPU_PROVIDERS = ("CPUExecutionProvider",)


class PlateRecognizer:
    """A model in fast-plate-ocr's format; one with a `region` output tells the plate style too."""

    def __init__(self, recognizer: LicensePlateRecognizer) -> None:
        self._recognizer = recognizer
        settings = recognizer.config
        alphabet, pad = settings.alphabet, settings.pad_char
        self._order = [i for i, c in enumerate(alphabet) if c != pad] + [alphabet.index(pad)]
        self.alphabet = "".join(alphabet[i] for i in self._order)
        self.styles = tuple(settings.plate_regions or ()) if recognizer.has_region_head else ()
        self._size = (settings.img_width, settings.img_height)
        self._is_grey = settings.image_color_mode == "grayscale"
        self._outputs = [recognizer.plate_output_name]
        if recognizer.has_region_head:
            self._outputs.append(recognizer.region_output_name)

    @classmethod
    def from_files(cls, model: Path, config: Path, providers: Sequence[str] = CPU_PROVIDERS) -> "PlateRecognizer":
        """Load an ONNX file and its plate YAML. Raises OcrError."""
        with opening(f"recogniser model {model}"):
            return cls(
                LicensePlateRecognizer(
                    onnx_model_path=model,
                    plate_config_path=config,
                    providers=list(providers),
                    sess_options=single_thread_options(),
                )
            )

    @classmethod
    def from_hub(cls, name: str, providers: Sequence[str] = CPU_PROVIDERS) -> "PlateRecognizer":
        """Load a model of the fast-plate-ocr hub, downloading it once; none of them knows a province character.

        Raises OcrError.
        """
        with opening(f"model {name} of the fast-plate-ocr hub"):
            return cls(
                LicensePlateRecognizer(
                    hub_ocr_model=name,  # type: ignore[arg-type, unused-ignore]  # the names are a Literal, ours come from a flag
                    providers=list(providers),
                    sess_options=single_thread_options(),
                )
            )

    def recognize(self, crops: Sequence[BgrImage]) -> list[PlateDistribution]:
        """Return what each crop says. Crops of any size; they are resized without keeping their aspect ratio."""
        if not crops:
            return []
        batch = np.stack([self._prepare(crop) for crop in crops])
        text, *style = self._recognizer.model.run(self._outputs, {"input": batch})
        text = text.reshape(len(crops), -1, len(self._order))[:, :, self._order]
        styles = style[0] if style else np.zeros((len(crops), 0), np.float32)
        return [PlateDistribution(self.alphabet, t, self.styles, s) for t, s in zip(text, styles, strict=True)]

    def _prepare(self, crop: BgrImage) -> NDArray[np.uint8]:
        if (crop.shape[1], crop.shape[0]) != self._size:
            larger = crop.shape[1] > 2 * self._size[0]
            method = cv2.INTER_AREA if larger else cv2.INTER_LINEAR
            crop = np.asarray(cv2.resize(crop, self._size, interpolation=method), np.uint8)
        colour = cv2.COLOR_BGR2GRAY if self._is_grey else cv2.COLOR_BGR2RGB
        return np.asarray(cv2.cvtColor(crop, colour), np.uint8).reshape(self._size[1], self._size[0], -1)
