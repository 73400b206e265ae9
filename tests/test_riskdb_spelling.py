"""One plate has one spelling."""

import random
from datetime import datetime, timedelta, timezone
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ocr.grammar import FORMS, PlateForm, normalise_plate, plate_classes_of
from riskdb.record.judging import RowJudge, TravelRow
from riskdb.record.values.problem import CellProblem
from riskdb.record.values.stays import Stay, read_stay
from riskdb.record.values.year_source import YearSource
from riskdb.rule import ListRule
from riskdb.settings import RiskSettings
from tests.riskdb_kit import NOON, Grammar

_FORM_TEXTS = st.sampled_from(FORMS).flatmap(lambda form: st.tuples(*map(st.sampled_from, form.slots)).map("".join))
STRANGE = "QZ579挂警港鲁粤民临#ж"
"""Characters that are often wrong where they stand, and no spelling of another."""
_ALIKE = str.maketrans("OI", "01")
_WIDE = {code: code + 0xFEE0 for code in range(0x21, 0x7F)}


@given(_FORM_TEXTS)
@settings(max_examples=3 * settings().max_examples)
def test_every_plate_of_the_grammar_is_its_own_spelling(text: str):
    assert normalise_plate(text) == text
    assert plate_classes_of(text)


@pytest.mark.parametrize("each", [1000, pytest.param(10_000, marks=pytest.mark.long)])
def test_plates_of_all_forms_are_taken_as_they_are(each: int):
    rng = random.Random(20)
    for form in FORMS:
        for _ in range(each):
            text = _random_text(form, rng)
            assert normalise_plate(text) == text


@pytest.mark.parametrize("each", [300, pytest.param(1000, marks=pytest.mark.long)])
def test_a_near_miss_is_a_plate_only_where_a_form_fits_and_never_of_another_class(each: int):
    rng = random.Random(21)
    for form in FORMS:
        for _ in range(each):
            text = _random_text(form, rng)
            assert set(form.class_by_style.values()) <= set(plate_classes_of(text))
            place = rng.randrange(len(text))
            missed = text[:place] + rng.choice(STRANGE) + text[place + 1 :]
            fitting = {code for other in FORMS if other.accepts(missed) for code in other.class_by_style.values()}
            assert set(plate_classes_of(missed)) == fitting
            taken = _normalised(missed)[0]
            assert taken == missed if fitting else taken.translate(_ALIKE) in ("", missed.translate(_ALIKE))


def _random_text(form: PlateForm, rng: random.Random) -> str:
    return "".join(map(rng.choice, form.slots))


@given(_FORM_TEXTS, st.booleans(), st.booleans(), st.integers(0, 7))
@settings(max_examples=3 * settings().max_examples)
def test_lower_case_full_width_and_separators_do_not_change_a_plate(text: str, wide: bool, lower: bool, place: int):
    written = text[:place] + "·" + text[place:]
    written = written.lower() if lower else written
    assert normalise_plate(written.translate(_WIDE) if wide else written) == text


@given(st.text(max_size=12))
@settings(max_examples=3 * settings().max_examples)
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
@settings(max_examples=settings().max_examples * 3 // 2)
def test_a_row_of_any_cells_is_judged_or_refused_with_a_cause(
    plate: str, code: str, area: str, begin: str, end: str, source: str
):
    judge = RowJudge(Grammar(), ListRule.of(RiskSettings()), 8.0, int(NOON.timestamp()))
    try:
        judged = judge.judge(TravelRow("a.csv", 2, plate, code, area, begin, end, source))
    except ValueError:
        return
    assert all(one.visited_from < one.visited_until for one in judged)


def test_times_as_programs_write_them_mean_the_same_as_by_hand():
    """A file has a million of the first; a blank beside them makes them the second."""
    zone, now = timezone(timedelta(hours=8)), datetime(2026, 11, 24, 12)
    days = ("2026-11-22", "2026-11-21", "2026-02-29")
    clocks = ("", " 00:00:00", "T00:00:00", " 08:30", " 08:30:59", " 23:59:60", " 24:00:00", " 24:00:01", "-08:30:00")
    texts = [day + clock for day in days for clock in clocks]
    for begin, end in product(texts, texts):
        quick, slow = (_stay_or_problem(begin + blank, end, now, zone) for blank in ("", " "))
        assert quick == slow, (begin, end)


def _stay_or_problem(begin: str, end: str, now: datetime, zone: timezone) -> Stay | str:
    try:
        return read_stay(begin, end, now, lambda: YearSource(now, "", now), zone)
    except CellProblem as problem:
        return str(problem)
