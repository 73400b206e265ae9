"""Readings for a match when the text has one character too few or too many at an edge: a plate cut off, a bolt read."""

from collections.abc import Iterator

from ocr.grammar import PROVINCES, SERIAL, plate_classes_of
from ocr.hypotheses import LEAST_GRAMMAR_MASS, PlateHypothesis, plates_and_mass
from ocr.types import PlateDistribution

MOST_FILLED_IN = len(PROVINCES) + len(SERIAL)
"""More readings than these (and four with a character less) are never added."""


def match_hypotheses(distribution: PlateDistribution, count: int = 32) -> list[PlateHypothesis]:
    """Return up to `count` plates, most probable first, and behind them those that explain a text of no plate form.

    Only what the grammar leaves over is given to them, shared evenly: a lost province becomes each of the provinces,
    none is preferred. The probabilities sum to 1 at most.
    """
    plates, mass = plates_and_mass(distribution, count)
    left_over = 1.0 - mass / LEAST_GRAMMAR_MASS
    if left_over <= 0.0:
        return plates
    text, certainty = _plainest_text(distribution)
    repairs = list(_repairs(text))
    share = left_over * certainty / max(1, len(repairs))
    others = [plate for plate in plates if plate.text not in repairs]
    return others + [PlateHypothesis(repair, plate_classes_of(repair)[0], share) for repair in repairs]


def _plainest_text(distribution: PlateDistribution) -> tuple[str, float]:
    """Return the most probable character of every slot, whatever the grammar says, and their joint probability."""
    best = distribution.char_probs.argmax(axis=1)
    text = "".join(distribution.alphabet[column] for column in best).rstrip(distribution.alphabet[-1])
    return text, float(distribution.char_probs.max(axis=1).prod())


def _repairs(text: str) -> Iterator[str]:
    """Yield the plates that become `text` when a character at an edge is doubled or lost; one kind, the likelier."""
    if plate_classes_of(text):
        return
    doubled = {text[1:] if text[:1] == text[1:2] else "", text[:-1] if text[-1:] == text[-2:-1] else ""}
    shorter = sorted(plate for plate in doubled if plate and plate_classes_of(plate))
    if shorter:
        yield from shorter
        return
    yield from (plate for province in PROVINCES if plate_classes_of(plate := province + text))
    yield from (plate for character in SERIAL if plate_classes_of(plate := text + character))
