"""What a match says of readings that are not certain."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocr.grammar import PROVINCES
from riskdb.issued import ISSUED_SHARES
from riskdb.match import ALTERNATIVES_KEPT, MatchRule, match_plate
from riskdb.settings import RiskSettings
from riskdb.types import ListedReasons, RiskMatch, RiskReason
from tests.riskdb_kit import NOON, Guess

RULE = MatchRule(issued_share=0.4, listed_traffic_ratio=1.0, hit_at=0.9, possible_at=0.1)
REASON = RiskReason(
    area="370211",
    area_name="黄岛区",
    level="high",
    visited_from=NOON - timedelta(days=2),
    visited_until=NOON - timedelta(days=1),
    declared_from=NOON - timedelta(days=5),
    declared_until=None,
    source="流调",
    expires_at=NOON + timedelta(days=9),
)


class PaperList:
    """A list as a set of texts: the protocol that HotSet and PastList answer."""

    def __init__(self, *texts: str) -> None:
        self._texts = texts

    def reasons_of(self, plates: Sequence[tuple[str, str]], now: datetime) -> ListedReasons:
        assert now.tzinfo is UTC
        return ListedReasons(3, tuple((REASON,) if text in self._texts else () for _, text in plates))


def matched(guesses: Sequence[Guess], *listed: str, rule: MatchRule = RULE) -> RiskMatch | None:
    return match_plate(guesses, PaperList(*listed), rule, NOON)


def test_a_certain_reading_of_a_listed_plate_is_a_hit():
    found = matched([Guess("粤B82500", 0.99)], "粤B82500")
    assert found is not None
    assert (found.level, found.text, found.list_version) == ("hit", "粤B82500", 3)
    assert found.probability > 0.99
    assert found.reasons == (REASON,)


def test_a_misread_of_a_listed_plate_is_found_and_the_doubtful_character_is_named():
    found = matched([Guess("粤BZ2500", 0.55), Guess("粤B22500", 0.41)], "粤B22500")
    assert found is not None
    assert found.level == "possible"
    assert found.text == "粤B22500"
    assert "第3位 Z 55% / 2 41%" in found.why
    assert "黄岛区（高风险区）" in found.why


def test_a_listed_neighbour_that_is_a_poor_reading_flags_nobody():
    assert matched([Guess("粤B82500", 0.97), Guess("粤B82501", 0.01)], "粤B82501") is None


def test_readings_that_are_not_listed_make_no_match():
    assert matched([Guess("粤B82500", 0.6), Guess("粤B82501", 0.3)]) is None


def test_no_reading_is_no_match():
    assert matched([]) is None


def test_an_unreadable_province_lowers_the_probability_and_is_not_guessed():
    share = 1 / len(PROVINCES)
    found = matched([Guess(f"{province}B82500", share) for province in PROVINCES], "粤B82500")
    assert found is None or found.probability < 0.1


@given(st.permutations(PROVINCES), st.lists(st.floats(0, 0.03), min_size=31, max_size=31))
def test_renaming_provinces_in_reads_and_list_alike_changes_no_result(renamed: list[str], shares: list[float]):
    names = dict(zip(PROVINCES, renamed, strict=True))
    before = matched([Guess(f"{p}B82500", s) for p, s in zip(PROVINCES, shares, strict=True)], "粤B82500", "京B82500")
    after = matched(
        [Guess(f"{names[p]}B82500", s) for p, s in zip(PROVINCES, shares, strict=True)],
        f"{names['粤']}B82500",
        f"{names['京']}B82500",
    )
    assert (before and before.probability) == pytest.approx(after and after.probability)


@given(st.floats(0, 1), st.floats(0, 1))
def test_more_listed_probability_never_gives_less_certainty(one: float, other: float):
    low, high = sorted((one, other))
    assert 0.0 <= RULE.posterior(low) <= RULE.posterior(high) <= 1.0


def test_the_rarer_a_city_issues_its_numbers_the_more_a_listed_reading_counts():
    dense, sparse = (MatchRule(share, 1.0, 0.9, 0.1).posterior(0.3) for share in (1.0, 0.05))
    assert dense == pytest.approx(0.3)
    assert sparse > 0.85


def test_a_reader_unsure_of_the_class_asks_for_both_and_their_probabilities_add_up():
    found = matched([Guess("粤B82500", 0.5, "01"), Guess("粤B82500", 0.49, "02")], "粤B82500")
    assert found is not None
    assert found.probability > 0.98
    assert "粤B82500（99%）" in found.why


def test_the_alternatives_say_which_readings_are_listed():
    found = matched([Guess("粤B82500", 0.5), Guess("粤B82501", 0.4)], "粤B82501")
    assert found is not None
    assert [(a.text, a.is_listed) for a in found.alternatives] == [("粤B82500", False), ("粤B82501", True)]


def test_the_settings_refuse_a_possible_above_a_hit():
    with pytest.raises(ValueError, match="possible_at"):
        RiskSettings(possible_at=0.95, hit_at=0.9)


def test_a_probability_at_the_setting_is_enough_and_one_below_is_not():
    below = 1e-9
    settings = RiskSettings()
    for rule in (RULE, MatchRule.of(settings)):
        assert rule.level(rule.hit_at) == "hit"
        assert rule.level(rule.hit_at - below) == "possible"
        assert rule.level(rule.possible_at) == "possible"
        assert rule.level(rule.possible_at - below) is None
    assert MatchRule.of(settings).possible_at == settings.possible_at


@pytest.mark.parametrize(
    "rule", [RULE, MatchRule(issued_share=0.1, listed_traffic_ratio=4.0, hit_at=0.9, possible_at=0.1)]
)
def test_what_the_readings_need_for_a_posterior_is_its_inverse(rule: MatchRule):
    for posterior in (0.1, 0.5, 0.9):
        assert rule.posterior(rule.needed(posterior)) == pytest.approx(posterior)


def test_a_listed_vehicle_that_passes_more_often_is_likelier_to_be_the_one():
    often = MatchRule(issued_share=0.4, listed_traffic_ratio=4.0, hit_at=0.9, possible_at=0.1)
    assert often.posterior(0.3) == pytest.approx(4 * 0.3 / (4 * 0.3 + 0.4 * 0.7))
    assert often.posterior(0.3) > RULE.posterior(0.3)


def test_a_listed_reading_is_among_the_alternatives_however_far_down_it_stands():
    guesses = [*(Guess(f"粤B8250{number}", 0.09) for number in range(8)), Guess("粤B82599", 0.08)]
    found = matched(guesses, "粤B82599")
    assert found is not None
    assert [each.is_listed for each in found.alternatives] == [False] * ALTERNATIVES_KEPT + [True]


def ranked_guesses(masses: list[float]) -> list[Guess]:
    total = sum(masses) or 1.0
    return [Guess(f"粤B{number:05}", mass / total) for number, mass in enumerate(masses)]


@given(
    st.lists(st.floats(1e-6, 1.0), min_size=1, max_size=32),
    st.sets(st.integers(0, 31), max_size=4),
    st.sampled_from([RULE, MatchRule.of(RiskSettings()), MatchRule(0.05, 3.0, 0.9, 0.1, {"粤B": 0.9})]),
)
def test_a_question_about_the_readings_that_decide_gives_the_answer_of_all(
    masses: list[float], listed, rule: MatchRule
):
    guesses = ranked_guesses(masses)
    texts = [guesses[number].text for number in listed if number < len(guesses)]
    found = matched(guesses, *texts, rule=rule)
    mass = sum(guess.probability for guess in guesses if guess.text in texts)
    share = rule.share_of("粤B00000")
    probability = rule.posterior(mass, share * (1.0 - mass))
    if abs(probability - rule.possible_at) < 1e-9:
        return
    assert (found is not None) == (probability >= rule.possible_at)
    assert found is None or found.probability == pytest.approx(probability)


def test_of_a_plate_that_was_read_surely_one_reading_is_asked_about():
    guesses = [Guess("粤B82500", 0.99), *(Guess(f"粤B{number:05}", 0.0003) for number in range(31))]
    asked: list[int] = []

    class Counted(PaperList):
        def reasons_of(self, plates: Sequence[tuple[str, str]], now: datetime) -> ListedReasons:
            asked.append(len(plates))
            return super().reasons_of(plates, now)

    assert match_plate(guesses, Counted(), MatchRule.of(RiskSettings()), NOON) is None
    assert match_plate(guesses, Counted("粤B82500"), MatchRule.of(RiskSettings()), NOON) is not None
    assert asked == [1, 1, 32], "what is flagged is asked about as a whole"


def test_a_city_that_has_issued_more_of_its_numbers_needs_a_surer_reading():
    rule = MatchRule.of(RiskSettings(issued_shares={"粤Z": 1.0}))
    sure = {city: matched([Guess(f"{city}82501", 0.8), Guess(f"{city}82500", 0.1)], f"{city}82500", rule=rule)
            for city in ("粤Z", "粤B", "青H")}  # fmt: skip
    probabilities = [0.0 if one is None else one.probability for one in sure.values()]
    assert probabilities == sorted(probabilities)
    assert probabilities[1] == pytest.approx(0.1 / (0.1 + 3 / 7.06 * 0.9), rel=1e-6), "Shenzhen, from the table"
    assert probabilities[2] == pytest.approx(0.1 / (0.1 + 0.2 * 0.9), rel=1e-6), "the setting for all others"


def test_the_table_of_issued_numbers_names_cities_and_holds_shares():
    assert all(len(letter) == 2 and letter[0] in PROVINCES and letter[1].isupper() for letter in ISSUED_SHARES)
    assert all(0 < share <= 1 for share in ISSUED_SHARES.values())
    with pytest.raises(ValueError, match="issued_shares"):
        RiskSettings(issued_shares={"粤": 0.4})
