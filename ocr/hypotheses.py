"""The most probable plates under a distribution, as far as the grammar allows them."""

from dataclasses import dataclass
from functools import lru_cache
from operator import itemgetter
from typing import TypeAlias

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
_NEARLY = 1 - 1e-9
"""Products of shares are not exact."""

_Text: TypeAlias = tuple[float, str]
"""Its probability as a share of the plainest one's, and how it begins."""


@dataclass(frozen=True, slots=True)
class PlateHypothesis:
    """A plate that the picture may show."""

    text: str
    plate_class: str
    probability: float
    """Probability that the plate is this one, 0.0 to 1.0."""


def top_hypotheses(distribution: PlateDistribution, count: int = 32) -> list[PlateHypothesis]:
    """Return up to `count` plates, most probable first; their probabilities sum to 1 at most."""
    return plates_and_mass(distribution, count)[0]


def plates_and_mass(distribution: PlateDistribution, count: int) -> tuple[list[PlateHypothesis], float]:
    """Return `top_hypotheses` and `grammar_mass`, which share most of the work."""
    allowed = _form_masks(distribution.alphabet, len(distribution.char_probs)) * distribution.char_probs
    style_mass = _style_mass(distribution)
    form_mass = allowed.sum(axis=2).prod(axis=1) * style_mass
    # No class of a form is more probable than all of them together: what cannot reach the top is passed over.
    best_of_form = allowed.max(axis=2).prod(axis=1) * style_mass
    mass = float(form_mass.sum())
    found: dict[tuple[str, str], float] = {}
    for index in np.argsort(-best_of_form).tolist():
        if best_of_form[index] <= _least_wanted(found, count):
            break
        weights = sorted(_class_weights(distribution, FORMS[index]).items(), key=itemgetter(1), reverse=True)
        texts = _best_texts(distribution.alphabet, FORMS[index], allowed[index], count)
        for rank, (plate_class, weight) in enumerate(weights, 1):
            for text, probability in texts[: count // rank]:  # each further one has `count` pairs before it
                found[text, plate_class] = found.get((text, plate_class), 0.0) + weight * probability
    scale = 1.0 / max(mass, LEAST_GRAMMAR_MASS)
    ranked = sorted(found.items(), key=itemgetter(1), reverse=True)[:count]
    return [PlateHypothesis(*name, probability * scale) for name, probability in ranked], mass


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
    """Return the `count` most probable texts of a form, the plainest first; slots are independent, so a beam of that
    width is exact.
    """
    slots = len(form.slots)
    best = np.argsort(-allowed[:slots], axis=1)[:, : min(BRANCHES, count)]
    ranked = np.take_along_axis(allowed[:slots], best, axis=1).astype(np.float64)
    plainest = float(ranked[:, 0].prod() * allowed[slots:, -1].prod())
    if plainest <= 0.0:
        return []
    shares = ranked / ranked[:, :1]
    least = _least_share(shares, count)
    found = [(1.0, "")]
    for columns, row in zip(best.tolist(), shares.tolist(), strict=True):
        found = _continued(
            found, [(share, alphabet[column]) for share, column in zip(row, columns, strict=True)], least
        )
        found = sorted(found, key=itemgetter(0), reverse=True)[:count]
    return [(text, share * plainest) for share, text in found]


def _continued(texts: list[_Text], branches: list[_Text], least: float) -> list[_Text]:
    """Return the texts with one character more, those of the least share or more; branches fall."""
    found = []
    for share, text in texts:
        for further, character in branches:
            if (product := share * further) < least:
                break
            found.append((product, text + character))
    return found


def _least_share(shares: NDArray[np.float64], count: int) -> float:
    """Return which part of the plainest text's probability each of the `count` best has at least; above 0.

    As much as the least of so many texts that differ from it in one character.
    """
    others = shares[:, 1:].ravel()
    if others.size < count - 1 or count < 2:
        return TINY
    return max(TINY, float(np.partition(others, others.size - count + 1)[others.size - count + 1]) * _NEARLY)
