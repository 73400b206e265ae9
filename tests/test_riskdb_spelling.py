"""One plate has one spelling."""

from hypothesis import given, settings
from hypothesis import strategies as st

from ocr.grammar import FORMS, normalise_plate, plate_classes_of
from riskdb.compute import ListRule
from riskdb.judging import RowJudge, TravelRow
from riskdb.settings import RiskSettings
from tests.riskdb_kit import NOON, Grammar

_FORM_TEXTS = st.sampled_from(FORMS).flatmap(lambda form: st.tuples(*map(st.sampled_from, form.slots)).map("".join))
_WIDE = {code: code + 0xFEE0 for code in range(0x21, 0x7F)}


@given(_FORM_TEXTS)
@settings(max_examples=300, deadline=None)
def test_every_plate_of_the_grammar_is_its_own_spelling(text: str):
    assert normalise_plate(text) == text
    assert plate_classes_of(text)


@given(_FORM_TEXTS, st.booleans(), st.booleans(), st.integers(0, 7))
@settings(max_examples=300, deadline=None)
def test_lower_case_full_width_and_separators_do_not_change_a_plate(text: str, wide: bool, lower: bool, place: int):
    written = text[:place] + "·" + text[place:]
    written = written.lower() if lower else written
    assert normalise_plate(written.translate(_WIDE) if wide else written) == text


@given(st.text(max_size=12))
@settings(max_examples=300, deadline=None)
def test_any_text_is_either_a_plate_of_the_grammar_or_refused_with_a_cause(text: str):
    plate, cause = _normalised(text)
    assert bool(plate) != bool(cause)
    if plate:
        assert normalise_plate(plate) == plate
        assert plate_classes_of(plate)


def _normalised(text: str) -> tuple[str, str]:
    try:
        return normalise_plate(text), ""
    except ValueError as error:
        return "", str(error)


@given(st.text(), st.text(), st.text(), st.text(), st.text(), st.text())
@settings(max_examples=150, deadline=None)
def test_a_row_of_any_cells_is_judged_or_refused_with_a_cause(
    plate: str, code: str, area: str, begin: str, end: str, source: str
):
    judge = RowJudge(Grammar(), ListRule.of(RiskSettings()), 8.0, int(NOON.timestamp()))
    try:
        judged = judge.judge(TravelRow("a.csv", 2, plate, code, area, begin, end, source))
    except ValueError:
        return
    assert judged.visited_from < judged.visited_until
