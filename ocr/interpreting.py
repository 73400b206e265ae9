"""What the recogniser believes about a crop becomes a plate read, as the grammar of plates allows it."""

import numpy as np

from ocr.detector import Detection
from ocr.grammar import PROVINCES
from ocr.hypotheses import grammar_mass, top_hypotheses
from ocr.types import PlateDistribution, PlateRead

TWO_LINE_SUFFIX = "two_line"


def build_read(
    detection: Detection, distribution: PlateDistribution, crop_sharpness: float, size: tuple[int, int]
) -> PlateRead | None:
    """Return the most probable plate; None where no plate of the style can carry the text.

    `size`: height and width of the picture.
    """
    if not set(PROVINCES) & set(distribution.alphabet):
        text, plate_class, surety = _plain_text(distribution), "99", 1.0
    else:
        best = next(iter(top_hypotheses(distribution, 1)), None)
        text, plate_class = (best.text, best.plate_class) if best else ("", "")
        surety = grammar_mass(distribution)
    if not text:
        return None
    char_probs = _char_probs(distribution, text)
    height, width = size
    return PlateRead(
        text=text,
        plate_class=plate_class,
        box=detection.box.within(size),
        corners=np.clip(detection.corners, 0, [width, height]).astype(np.float32),
        distribution=distribution,
        char_probs=char_probs,
        confidence=min(*char_probs, surety),
        detection_score=detection.score,
        sharpness=crop_sharpness,
    )


def is_two_line(distribution: PlateDistribution) -> bool:
    return style_probability(distribution, TWO_LINE_SUFFIX) > 0.5


def two_line_style(distribution: PlateDistribution) -> str:
    """Return the most probable of the styles with two lines; "" where the model knows none."""
    pairs = zip(distribution.style_probs.tolist(), distribution.styles, strict=True)
    return max((pair for pair in pairs if pair[1].endswith(TWO_LINE_SUFFIX)), default=(0.0, ""))[1]


def style_probability(distribution: PlateDistribution, ending: str) -> float:
    """Return the probability of all styles whose names end so."""
    pairs = zip(distribution.styles, distribution.style_probs, strict=True)
    return sum(float(probability) for style, probability in pairs if style.endswith(ending))


def _plain_text(distribution: PlateDistribution) -> str:
    """Read an alphabet without provinces plainly: the Chinese grammar says nothing about it."""
    best = distribution.char_probs.argmax(axis=1)
    return "".join(distribution.alphabet[column] for column in best).rstrip(distribution.alphabet[-1])


def _char_probs(distribution: PlateDistribution, text: str) -> tuple[float, ...]:
    columns = (distribution.alphabet.index(character) for character in text)
    return tuple(float(distribution.char_probs[slot, column]) for slot, column in enumerate(columns))
