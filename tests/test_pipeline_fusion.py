"""Many looks, one distribution whose probabilities hold."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocr.hypotheses import top_hypotheses
from ocr.types import BoundingBox
from pipeline.walk.fusion import PlateFusion, look_weight, seconded, slot_agreement
from tests.plates import make_distribution, make_read


def fused(*texts: str, certainty: float = 0.9, most: float = 3.0) -> PlateFusion:
    fusion = PlateFusion(most)
    for text in texts:
        fusion.add(make_read(text, certainty=certainty))
    return fusion


def top_text(fusion: PlateFusion) -> str:
    return top_hypotheses(fusion.distribution(), 1)[0].text


def test_most_looks_win_over_one_misread() -> None:
    assert top_text(fused("京A12345", "京A1Z345", "京A12345", "京A12345")) == "京A12345"


def test_more_looks_make_a_reading_surer_but_never_certain() -> None:
    certainties = [
        top_hypotheses(fused(*["京A12345"] * count, certainty=0.6).distribution(), 1)[0].probability
        for count in (1, 2, 4, 9, 100)
    ]
    assert certainties[:4] == sorted(certainties[:4])
    assert certainties[3] == pytest.approx(certainties[4])
    assert certainties[4] < 1.0


def test_a_hundred_looks_that_waver_stay_wavering() -> None:
    fusion = fused(*["京A12345", "京A1Z345"] * 50)
    best, second = top_hypotheses(fusion.distribution(), 2)
    assert best.probability == pytest.approx(second.probability)


def test_a_large_sharp_look_counts_more_than_a_small_blurred_one() -> None:
    large = make_read("京A12345", BoundingBox(0, 0, 120, 40), sharpness=900)
    small = make_read("京A12345", BoundingBox(0, 0, 40, 13), sharpness=30)
    assert look_weight(large) > 4 * look_weight(small)


@given(st.lists(st.sampled_from(["京A12345", "京A1Z345", "沪B67890"]), min_size=1, max_size=8), st.randoms())
def test_the_order_of_looks_does_not_matter(texts: list[str], random: "np.random.RandomState") -> None:
    one = fused(*texts).distribution()
    shuffled = list(texts)
    random.shuffle(shuffled)
    other = fused(*shuffled).distribution()
    np.testing.assert_allclose(one.char_probs, other.char_probs, atol=1e-5)


@given(st.lists(st.sampled_from(["京A12345", "京A1Z345"]), min_size=2, max_size=8), st.integers(1, 7))
def test_joining_two_parts_gives_the_same_as_one_run(texts: list[str], cut: int) -> None:
    cut = min(cut, len(texts) - 1)
    joined = fused(*texts[:cut])
    joined.join(fused(*texts[cut:]))
    np.testing.assert_allclose(joined.distribution().char_probs, fused(*texts).distribution().char_probs, atol=1e-5)


def test_slots_where_one_is_unsure_speak_neither_for_nor_against() -> None:
    sure = make_distribution("京A12345")
    doubtful = make_distribution("京A1Z345", doubts={3: {"2": 0.45}})
    agreement = slot_agreement(sure, doubtful)
    assert (agreement.same, agreement.different) == (7, 0)


def test_surely_other_characters_speak_against() -> None:
    agreement = slot_agreement(make_distribution("京A12345"), make_distribution("京A1Z345"))
    assert (agreement.same, agreement.different) == (7, 1)


def test_a_second_reader_who_says_the_same_does_not_take_away_all_doubt():
    own = make_distribution("鲁B1Z345", doubts={3: {"2": 0.2}})
    both = seconded(own, make_distribution("鲁B1Z345", certainty=0.985), weight=0.5, common=0.3)
    right = both.char_probs[3, both.alphabet.index("2")]
    assert 0.03 < right < 0.2
    assert both.char_probs.sum(axis=1) == pytest.approx(1.0, abs=1e-4)


def test_a_second_reader_who_says_something_else_is_weighed():
    own = make_distribution("鲁B1Z345", doubts={3: {"2": 0.2}})
    both = seconded(own, make_distribution("鲁B12345", certainty=0.985), weight=0.5, common=0.3)
    assert both.char_probs[3].argmax() == both.alphabet.index("2")


def test_a_wide_look_that_its_reader_is_not_sure_of_hardly_weakens_the_sure_ones() -> None:
    """Seen in the fixture clips: one look found a far plate twice as wide as it is, and read it as something else."""
    fusion = PlateFusion(2.0)
    for _ in range(4):
        fusion.add(make_read("川A9T384", BoundingBox(0, 0, 55, 18), certainty=0.8))
    fusion.add(make_read("皖J80904", BoundingBox(0, 0, 97, 32), certainty=0.1))
    assert top_hypotheses(fusion.distribution(), 1)[0].probability > 0.9
