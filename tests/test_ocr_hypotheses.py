"""From a distribution to the plates it may mean."""

from itertools import product

import numpy as np
import pytest

from ocr.hypotheses import grammar_mass, top_hypotheses
from ocr.types import PlateDistribution
from tests.plates import ALPHABET, make_distribution


def test_the_clearest_text_comes_first():
    best = top_hypotheses(make_distribution("粤B82345"))[0]
    assert (best.text, best.plate_class) == ("粤B82345", "02")
    assert best.probability > 0.8


def test_a_doubtful_character_gives_both_plates_with_their_odds():
    distribution = make_distribution("粤B82345", certainty=0.999, doubts={3: {"Z": 0.4}})
    first, second = top_hypotheses(distribution)[:2]
    assert (first.text, second.text) == ("粤B82345", "粤B8Z345")
    assert second.probability / first.probability == pytest.approx(0.4 / 0.6, rel=0.01)


def test_the_colour_separates_classes_of_one_text():
    distribution = make_distribution("粤B82345", certainty=0.999)
    styles = distribution.style_probs.copy()
    styles[:] = 0
    styles[distribution.styles.index("blue")] = 0.7
    styles[distribution.styles.index("yellow")] = 0.3
    unsure = PlateDistribution(distribution.alphabet, distribution.char_probs, distribution.styles, styles)
    first, second = top_hypotheses(unsure)[:2]
    assert (first.text, first.plate_class) == ("粤B82345", "02")
    assert (second.text, second.plate_class) == ("粤B82345", "01")
    assert second.probability == pytest.approx(0.3 / 0.7 * first.probability, rel=0.01)


@pytest.mark.parametrize("black", [0.6, 0.94])  # of one look, and of a track whose looks each say 0.8
def test_a_blue_plate_that_looks_black_at_night_is_not_taken_for_a_foreigners(black):
    distribution = make_distribution("粤B82345", certainty=0.999)
    styles = np.zeros_like(distribution.style_probs)
    styles[distribution.styles.index("blue")] = 1 - black
    styles[distribution.styles.index("black")] = black
    dark = PlateDistribution(distribution.alphabet, distribution.char_probs, distribution.styles, styles)
    best = top_hypotheses(dark)[0]
    assert (best.text, best.plate_class) == ("粤B82345", "02")
    assert best.probability > 0.9
    assert grammar_mass(dark) == pytest.approx(grammar_mass(distribution), rel=0.02)


def test_a_letter_where_only_digits_stand_is_never_proposed():
    proposed = top_hypotheses(make_distribution("粤BD1234B", style="green", doubts={7: {"8": 0.3}}))
    assert proposed[0].text == "粤BD12348"
    assert all(one.text[4:].isdigit() for one in proposed if one.plate_class == "52")


def test_probabilities_fall_and_sum_to_one_at_most():
    probabilities = [one.probability for one in top_hypotheses(make_distribution("粤B82345", certainty=0.6))]
    assert probabilities == sorted(probabilities, reverse=True)
    assert sum(probabilities) <= 1.0 + 1e-6
    assert len(probabilities) == 32


def test_the_beam_finds_what_trying_everything_finds():
    rng = np.random.default_rng(7)
    probs = np.zeros((8, len(ALPHABET)), np.float32)
    for slot, character in enumerate("粤B2345"):
        probs[slot, ALPHABET.index(character)] = 1.0
    loose = rng.dirichlet(np.ones(4), size=3)
    for slot, row in zip((2, 4, 6), loose, strict=True):
        probs[slot] = 0
        for character, probability in zip("28ZB", row, strict=True):
            probs[slot, ALPHABET.index(character)] = probability
    probs[7, -1] = 1.0
    base = make_distribution("粤B23456")
    distribution = PlateDistribution(ALPHABET, probs, base.styles, base.style_probs)
    by_hand = sorted((float(np.prod(combination)) for combination in product(*loose)), reverse=True)[:10]
    found = [one.probability for one in top_hypotheses(distribution, 40) if one.plate_class == "02"][:10]
    assert found == pytest.approx(np.array(by_hand) * found[0] / by_hand[0], rel=1e-3)


@pytest.mark.parametrize("seed", range(3))
def test_the_best_few_are_those_of_the_best_many_over_all_classes(seed: int):
    rng = np.random.default_rng(seed)
    base = make_distribution("粤B82345")
    noise = rng.dirichlet(np.full(len(ALPHABET), 0.05), size=len(base.char_probs)).astype(np.float32)
    styles = rng.dirichlet(np.ones(len(base.styles))).astype(np.float32)
    mixed = PlateDistribution(ALPHABET, 0.7 * base.char_probs + np.float32(0.3) * noise, base.styles, styles)
    many = [one.probability for one in top_hypotheses(mixed, 1000)]
    assert [one.probability for one in top_hypotheses(mixed, 32)] == pytest.approx(many[:32], rel=1e-6)
    assert len({(one.text, one.plate_class) for one in top_hypotheses(mixed, 32)}) == 32


def test_what_leaves_the_grammar_is_not_forced_back_into_it():
    distribution = make_distribution("TAXAUD", certainty=0.99)
    assert grammar_mass(distribution) < 0.01
    assert sum(one.probability for one in top_hypotheses(distribution)) < 0.05


def test_an_alphabet_without_provinces_proposes_no_chinese_stem():
    latin = "".join(c for c in ALPHABET if c.isascii())
    columns = [ALPHABET.index(c) for c in latin]
    base = make_distribution("粤B82345")
    distribution = PlateDistribution(latin, base.char_probs[:, columns], base.styles, base.style_probs)
    proposed = top_hypotheses(distribution)
    assert proposed
    assert all(one.plate_class in {"31", "32", "03"} for one in proposed)
