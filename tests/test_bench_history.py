"""The judge of a history sees each broken promise; the short form of the history itself runs with the long tests."""

from dataclasses import replace
from pathlib import Path

import pytest

from bench.history import run
from bench.history_model import NEAR_S, History, ListModel, Seen, violations

LISTED = Seen("鲁W123AB", begun_s=100.0, ended_s=101.0, outcome="flagged", event_id="a")
FREE = Seen("鲁W456CD", begun_s=102.0, ended_s=103.0, outcome="clear", event_id="b")


def model() -> ListModel:
    model = ListModel()
    model.change([LISTED.text], 10.0, "either")
    model.change([LISTED.text], 12.0, "listed")
    return model


def history(*seen: Seen, webhook: str = "a", console: str = "a", disturbed_s: float = 0.0) -> History:
    begun = [(each.text, each.begun_s) for each in (LISTED, FREE)]
    return History(begun, list(seen), [disturbed_s], list(webhook), list(console))


def said(history: History, model: ListModel) -> str:
    return "\n".join(violations(history, model))


def test_a_history_in_which_all_is_well_has_no_violations():
    assert said(history(LISTED, FREE), model()) == ""


@pytest.mark.parametrize(
    ("broken", "words"),
    [
        (history(replace(LISTED, outcome="clear"), FREE), "a listed vehicle ended clear"),
        (history(LISTED, replace(FREE, outcome="flagged")), "not listed was flagged"),
        (history(LISTED, FREE, webhook=""), "webhook: the event of 鲁W123AB, in view at 100.0 s"),
        (history(LISTED, FREE, console=""), "console: the event of"),
        (history(LISTED, FREE, webhook="aa"), "webhook: event a came 2 times"),
        (history(LISTED, FREE, console="ab"), "console: an event of a vehicle that is not listed"),
        (history(replace(LISTED, outcome="unchecked"), FREE, webhook=""), "unchecked at 101.0 s never came"),
        (history(LISTED), "鲁W456CD came into view at 102.0 s and was decided 0 times"),
        (history(LISTED, FREE, FREE), "was decided 2 times"),
    ],
)
def test_every_broken_promise_is_seen(broken: History, words: str):
    assert words in said(broken, model())


def test_what_was_about_to_change_may_have_come_to_either():
    changing = model()
    changing.change([LISTED.text, FREE.text], 99.0, "either")
    assert said(history(replace(LISTED, outcome="clear"), FREE, webhook="", console=""), changing) == ""


def test_a_vehicle_in_view_when_the_box_was_killed_may_be_lost():
    assert said(history(LISTED, disturbed_s=FREE.begun_s + NEAR_S - 1), model()) == ""


@pytest.mark.long
@pytest.mark.parametrize("seed", [1, 4])
def test_two_minutes_in_which_everything_goes_wrong_break_no_promise(tmp_path: Path, seed: int):
    outcome = run(tmp_path, seed, 60.0)
    assert outcome.problems == []
    assert {each.outcome for each in outcome.history.seen} >= {"flagged", "clear"}
    assert outcome.faults.total() > 5
