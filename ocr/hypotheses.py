"""The most probable plates under a distribution, as far as the grammar allows them."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from ocr.grammar import FORMS, RARITY, PlateForm
from ocr.types import PlateDistribution, Probabilities

BRANCHES = 12
"""Characters followed at each position; the 13th best is never in the top 32 of a readable plate."""
LEAST_GRAMMAR_MASS = 0.5
"""Probabilities are renormalised over grammatical texts, but at most doubled: a distribution that leaves the
grammar is not forced back into it."""
TINY = 1e-30


@dataclass(frozen=True, slots=True)
class PlateHypothesis:
    """A plate that the picture may show."""

    text: str
    plate_class: str
    probability: float
    """Probability that the plate is this one, 0.0 to 1.0."""


def top_hypotheses(distribution: PlateDistribution, count: int = 32) -> list[PlateHypothesis]:
    """Return up to `count` plates, most probable first; their probabilities sum to 1 at most."""
    allowed = _form_masks(distribution.alphabet, len(distribution.char_probs)) * distribution.char_probs
    style_mass = _style_mass(distribution)
    form_mass = allowed.sum(axis=2).prod(axis=1) * style_mass
    # No class of a form is more probable than all of them together: what cannot reach the top is passed over.
    best_of_form = allowed.max(axis=2).prod(axis=1) * style_mass
    found: dict[tuple[str, str], float] = {}
    for index in np.argsort(-best_of_form).tolist():
        if best_of_form[index] <= _least_wanted(found, count):
            break
        weights = _class_weights(distribution, FORMS[index])
        for text, probability in _best_texts(distribution.alphabet, FORMS[index], allowed[index], count):
            for plate_class, weight in weights.items():
                found[text, plate_class] = found.get((text, plate_class), 0.0) + weight * probability
    scale = 1.0 / max(float(form_mass.sum()), LEAST_GRAMMAR_MASS)
    ranked = sorted(found.items(), key=lambda item: -item[1])[:count]
    return [PlateHypothesis(text, plate_class, mass * scale) for (text, plate_class), mass in ranked]


def grammar_mass(distribution: PlateDistribution) -> float:
    """Return the probability that the text is one that a plate of the read style can carry."""
    masks = _form_masks(distribution.alphabet, len(distribution.char_probs))
    form_mass = (masks * distribution.char_probs).sum(axis=2).prod(axis=1)
    return float(form_mass @ _style_mass(distribution))


@lru_cache(maxsize=8)
def _form_masks(alphabet: str, slots: int) -> NDArray[np.float32]:
    """Return shape (forms, slots, alphabet): 1 where a form allows a character; pad alone behind its text."""
    masks = np.zeros((len(FORMS), slots, len(alphabet)), np.float32)
    for index, form in enumerate(FORMS):
        if len(form.slots) > slots:
            continue
        for position, allowed in enumerate(form.slots):
            masks[index, position] = [character in allowed for character in alphabet]
        masks[index, len(form.slots) :, -1] = 1
        masks[index, : len(form.slots), -1] = 0
    return masks


def _style_mass(distribution: PlateDistribution) -> NDArray[np.float64]:
    """Return for each form the probability of the styles that it comes in, shape (forms,)."""
    return _form_styles(distribution.styles) @ distribution.style_probs.astype(np.float64)


@lru_cache(maxsize=8)
def _form_styles(styles: tuple[str, ...]) -> NDArray[np.float64]:
    """Return shape (forms, styles): 1 where a form comes in a style."""
    return np.array([[float(style in form.class_by_style) for style in styles] for form in FORMS])


def _class_weights(distribution: PlateDistribution, form: PlateForm) -> dict[str, float]:
    """Return the probability of each plate class that the form can have, from the styles that give it.

    Their sum is that of the styles; RARITY only shifts it between the classes of one form.
    """
    weights: dict[str, float] = {}
    for style, probability in zip(distribution.styles, distribution.style_probs.tolist(), strict=True):
        if style in form.class_by_style:
            plate_class = form.class_by_style[style]
            weights[plate_class] = weights.get(plate_class, 0.0) + probability
    likely = {plate_class: weight * RARITY.get(plate_class, 1.0) for plate_class, weight in weights.items()}
    scale = sum(weights.values()) / max(sum(likely.values()), TINY)
    return {plate_class: weight * scale for plate_class, weight in likely.items()}


def _least_wanted(found: dict[tuple[str, str], float], count: int) -> float:
    """Return the probability that a further plate must exceed to be among the `count` best."""
    return sorted(found.values())[-count] if len(found) >= count else 0.0


def _best_texts(alphabet: str, form: PlateForm, allowed: Probabilities, count: int) -> list[tuple[str, float]]:
    """Return the `count` most probable texts of a form; slots are independent, so a beam of that width is exact."""
    branches = min(BRANCHES, count)
    best = np.argsort(-allowed, axis=1)[:, :branches]
    texts = [""]
    probabilities = np.ones(1)
    for slot in range(len(form.slots)):
        products = np.outer(probabilities, allowed[slot, best[slot]])
        order = np.argsort(-products, axis=None)[:count]
        prefixes, branch = np.divmod(order, branches)
        letters = [alphabet[column] for column in best[slot]]
        texts = [texts[p] + letters[b] for p, b in zip(prefixes.tolist(), branch.tolist(), strict=True)]
        probabilities = products[prefixes, branch]
    pad = float(allowed[len(form.slots) :, -1].prod())
    found = ((text, float(p) * pad) for text, p in zip(texts, probabilities, strict=True))
    return [(text, probability) for text, probability in found if probability > 0]
