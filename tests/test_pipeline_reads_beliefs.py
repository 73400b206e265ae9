"""What a camera's read says of each character and of the class, as a distribution."""

import pytest

from ocr.hypotheses import top_hypotheses
from pipeline.reads.beliefs import distribution_of
from tests.arrivals_kit import read_of


@pytest.mark.parametrize("text", ["鲁B12-45", "-B12345", "38AAP084", "鲁BD12345", "使012345"])
def test_each_slot_of_a_distribution_sums_to_one_and_an_unknown_one_is_flat(text: str):
    said = distribution_of(read_of(text))
    assert said is not None
    assert said.char_probs.sum(axis=1) == pytest.approx(1.0, abs=1e-5)
    assert float(said.style_probs.sum()) == pytest.approx(1.0, abs=1e-5)
    if "-" in text:
        slot = said.char_probs[text.index("-")]
        assert slot[:-1].max() - slot[:-1].min() < 1e-6


@pytest.mark.parametrize(
    ("text", "style", "plate_class", "expected"),
    [
        ("鲁B12345", "blue", None, "02"),
        ("鲁B12345", "yellow", None, "01"),
        ("鲁B1234挂", "yellow", None, "15"),
        ("鲁B1234学", "yellow", None, "16"),
        ("鲁BD12345", "green", None, "52"),
        ("鲁B12345D", "green", None, "51"),
        ("鲁B1234警", "white", None, "23"),
        ("鲁B12345", None, "01", "01"),
        ("鲁B12345", None, None, "02"),
    ],
)
def test_the_class_comes_from_colour_text_and_type(
    text: str, style: str | None, plate_class: str | None, expected: str
):
    said = distribution_of(read_of(text, style=style, plate_class=plate_class))
    assert said is not None
    assert top_hypotheses(said, 1)[0].plate_class == expected


def test_a_score_is_an_order_and_no_probability():
    shares = []
    for score in (0.1, 0.5, 0.9, 1.0):
        said = distribution_of(read_of(score=None, char_scores=(1.0,) * 6 + (score,)))
        assert said is not None
        shares.append(float(said.char_probs[6].max()))
    assert shares == sorted(shares)
    assert shares[-1] < 0.995
