"""A character lost or doubled at the edge of a plate does not hide a listed vehicle."""

import pytest

from ocr.grammar import PROVINCES
from ocr.hypotheses import top_hypotheses
from ocr.wrong_length import MOST_FILLED_IN, match_hypotheses
from tests.plates import make_distribution


def test_a_readable_plate_gets_no_repairs():
    distribution = make_distribution("粤B82345")
    assert match_hypotheses(distribution) == top_hypotheses(distribution)


@pytest.mark.parametrize(("read", "truth"), [("粤粤B82345", "粤B82345"), ("粤B823455", "粤B82345")])
def test_a_character_doubled_at_an_edge_is_taken_off(read: str, truth: str):
    found = {one.text: one.probability for one in match_hypotheses(make_distribution(read, certainty=0.99))}
    assert found[truth] > 0.5


def test_a_lost_province_becomes_every_province_with_one_probability():
    found = match_hypotheses(make_distribution("B82345", certainty=0.99))
    shares = {one.text[0]: one.probability for one in found if one.text[1:] == "B82345"}
    assert set(shares) == set(PROVINCES)
    assert len({round(share, 9) for share in shares.values()}) == 1


def test_a_lost_last_character_becomes_every_one_that_can_stand_there():
    found = {one.text for one in match_hypotheses(make_distribution("粤B8234", certainty=0.99))}
    assert "粤B82345" in found
    assert "粤B8234Z" in found


@pytest.mark.parametrize("read", ["B82345", "粤B8234", "粤B823455", "ZZZZZZZZ", "粤", "4"])
def test_the_fallback_is_bounded_and_its_probabilities_sum_to_one_at_most(read: str):
    found = match_hypotheses(make_distribution(read, certainty=0.9))
    assert len(found) <= 32 + MOST_FILLED_IN
    assert sum(one.probability for one in found) <= 1.0 + 1e-6
