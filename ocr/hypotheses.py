"""The most probable plates under a distribution, as far as the grammar allows them."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ocr.grammar import FORMS, PlateForm
from ocr.types import PlateDistribution, Probabilities

BRANCHES = 12
"""Characters followed at each position; the 13th best is never in the top 32 of a readable plate."""
LEAST_GRAMMAR_MASS = 0.5
"""Probabilities are renormalised over grammatical texts, but at most doubled: a distribution that leaves the
grammar is not forced back into it."""
NEGLIGIBLE = 1e-9


@dataclass(frozen=True, slots=True)
class PlateHypothesis:
    """A plate that the picture may show."""

    text: str
    plate_class: str
    probability: float
    """Probability that the plate is this one, 0.0 to 1.0."""


def top_hypotheses(distribution: PlateDistribution, count: int = 32) -> list[PlateHypothesis]:
    """Return up to `count` plates, most probable first; their probabilities sum to 1 at most."""
    mass_by_plate: dict[tuple[str, str], float] = {}
    total = 0.0
    for form, plate_class, weight in _weighted_forms(distribution):
        slots = _slot_probabilities(distribution, form)
        if slots is None:
            continue
        mass = weight * float(np.prod([slot.sum() for slot in slots]))
        total += mass
        if mass < NEGLIGIBLE:
            continue
        for text, probability in _best_texts(form, slots, count):
            key = (text, plate_class)
            mass_by_plate[key] = mass_by_plate.get(key, 0.0) + weight * probability
    scale = 1.0 / max(total, LEAST_GRAMMAR_MASS)
    ranked = sorted(mass_by_plate.items(), key=lambda item: -item[1])[:count]
    return [PlateHypothesis(text, plate_class, mass * scale) for (text, plate_class), mass in ranked]


def grammar_mass(distribution: PlateDistribution) -> float:
    """Return the probability that the text is one that a plate of the read style can carry."""
    return sum(
        weight * float(np.prod([slot.sum() for slot in slots]))
        for form, _, weight in _weighted_forms(distribution)
        if (slots := _slot_probabilities(distribution, form)) is not None
    )


def _weighted_forms(distribution: PlateDistribution) -> Iterator[tuple[PlateForm, str, float]]:
    """Yield each form once for every plate class it can have, with the probability of the styles that give it."""
    for form in FORMS:
        weight_by_class: dict[str, float] = {}
        for style, probability in zip(distribution.styles, distribution.style_probs, strict=True):
            if style in form.class_by_style:
                plate_class = form.class_by_style[style]
                weight_by_class[plate_class] = weight_by_class.get(plate_class, 0.0) + float(probability)
        for plate_class, weight in weight_by_class.items():
            if weight > NEGLIGIBLE:
                yield form, plate_class, weight


def _slot_probabilities(distribution: PlateDistribution, form: PlateForm) -> list[Probabilities] | None:
    """Return, for each position, the probabilities of its allowed characters, in the slot's own order.

    The pad mass of the positions behind the text is folded into the last one. None when the alphabet lacks a
    position's characters altogether or has too few slots.
    """
    probs = distribution.char_probs
    if len(form.slots) > len(probs):
        return None
    rows: list[Probabilities] = []
    for position, slot in enumerate(form.slots):
        columns = [distribution.alphabet.find(character) for character in slot]
        row = np.where(np.array(columns) >= 0, probs[position, columns], 0.0)
        if not row.any():
            return None
        rows.append(row)
    pad = len(distribution.alphabet) - 1
    rows[-1] = rows[-1] * float(np.prod(probs[len(form.slots) :, pad]))
    return rows


def _best_texts(form: PlateForm, slots: list[Probabilities], count: int) -> list[tuple[str, float]]:
    """Return the `count` most probable texts of a form; slots are independent, so a beam of that width is exact."""
    texts = [""]
    probabilities = np.ones(1)
    for allowed, row in zip(form.slots, slots, strict=True):
        best = np.argsort(-row)[:BRANCHES]
        products = np.outer(probabilities, row[best])
        order = np.argsort(-products, axis=None)[:count]
        prefixes, characters = np.unravel_index(order, products.shape)
        texts = [texts[p] + allowed[best[c]] for p, c in zip(prefixes, characters, strict=True)]
        probabilities = products[prefixes, characters]
    return list(zip(texts, probabilities.tolist(), strict=True))
