"""Which texts are plates, and of which class."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocr.grammar import CLASS_NAMES, FORMS, STYLES, normalise_plate, plate_class_of, plate_classes_of


@pytest.mark.parametrize(
    ("written", "plate"),
    [
        ("粤b·12345", "粤B12345"),
        (" 粤Ｂ１２３４５ ", "粤B12345"),
        ("粤B O1I34", "粤B01134"),
        ("粤0A1234", "粤OA1234"),
        ("粤bd1234o", "粤BD12340"),
        ("wj粤12345", "WJ粤12345"),
        ("粤Z·1234港", "粤Z1234港"),
        ("民航-12345", "民航12345"),
        ("WJ01·2345O", "WJ0123450"),
        ("鲁01-I2345", "鲁0112345"),
        ("粤B·1234临", "粤B1234临"),
    ],
)
def test_a_plate_has_one_spelling(written: str, plate: str):
    assert normalise_plate(written) == plate


@pytest.mark.parametrize(
    ("written", "why"),
    [
        ("", "号牌是空的"),
        ("粤B1234", "7 至 9 个字符"),
        ("粤B123456789", "7 至 9 个字符"),
        ("B粤12345", "排列"),
        ("粤B1234あ", "“あ”"),
        ("WJ4112345", "排列"),
        ("WJ01A1234", "排列"),
    ],
)
def test_what_no_plate_carries_is_refused_with_its_cause(written: str, why: str):
    with pytest.raises(ValueError, match=why):
        normalise_plate(written)


@pytest.mark.parametrize(
    ("text", "style", "plate_class"),
    [
        ("粤B12345", "blue", "02"),
        ("粤B12345", "yellow", "01"),
        ("粤B12345", "yellow_two_line", "01"),
        ("粤BD12345", "green", "52"),
        ("粤B12345D", "green_large", "51"),
        ("粤B1234挂", "yellow_two_line", "15"),
        ("粤B1234学", "yellow", "16"),
        ("粤B1234警", "white", "23"),
        ("123456使", "black", "03"),
        ("粤B1234领", "black", "04"),
        ("粤Z1234港", "black", "26"),
        ("粤Z1234澳", "black", "27"),
        ("WJ粤12345", "white", "31"),
        ("VA12345", "white", "32"),
        ("民航12345", "civil_aviation", "99"),
        ("粤B1234应急", "white", "99"),
        ("粤B12345", "motorcycle_two_line", "07"),
        ("粤B12345", "blue_two_line", "08"),
        ("粤0112345", "green_two_line", "14"),
        ("粤B1234临", "paper", "22"),
        ("粤B1234超", "paper", "22"),
        ("粤B12345", "paper", "22"),
        ("WJ0112345", "white", "31"),
        ("WJ31X0123", "white", "31"),
        ("粤B12345", "green", "99"),
        ("粤B12345", "foreign", "99"),
    ],
)
def test_colour_and_text_together_give_the_class(text: str, style: str, plate_class: str):
    assert plate_class_of(text, style) == plate_class


def test_a_text_alone_can_belong_to_several_classes():
    assert plate_classes_of("粤B12345") == ("01", "02", "06", "07", "08", "22")


def test_every_class_and_style_of_a_form_is_known():
    for form in FORMS:
        assert set(form.class_by_style) <= set(STYLES), form.name
        assert set(form.class_by_style.values()) <= set(CLASS_NAMES), form.name


@given(st.sampled_from(FORMS).flatmap(lambda form: st.tuples(*(st.sampled_from(slot) for slot in form.slots))))
def test_a_valid_plate_is_its_own_spelling(characters: tuple[str, ...]):
    text = "".join(characters)
    assert normalise_plate(text) == text
    assert plate_classes_of(text)


@given(st.text(max_size=12))
def test_any_text_is_normalised_or_refused(text: str):
    try:
        plate = normalise_plate(text)
    except ValueError:
        return
    assert normalise_plate(plate) == plate


def test_the_classes_of_a_text_are_those_of_the_forms_that_accept_it() -> None:
    rng = random.Random(7)
    characters = "".join(sorted({c for form in FORMS for slot in form.slots for c in slot})) + "IO港x·"
    texts = ["".join(rng.choice(form.slots[i]) for i in range(len(form.slots))) for form in FORMS for _ in range(40)]
    texts += [text[:i] + rng.choice(characters) + text[i + 1 :] for text in texts for i in (rng.randrange(len(text)),)]
    for text in texts:
        expected = sorted({code for form in FORMS if form.accepts(text) for code in form.class_by_style.values()})
        assert list(plate_classes_of(text)) == expected, text
