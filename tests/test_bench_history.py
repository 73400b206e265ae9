"""The judge of a history sees each broken promise; the short form of the history itself runs with the long tests."""

import contextlib
import json
import random
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from bench.history import run
from bench.history_box import Notes
from bench.history_faults import RESTARTED, Faults
from bench.history_model import NEAR_S, History, ListModel, Seen, violations
from tests.pipeline_kit import KeptEvents, ListedPlates, make_screening, passages_of, passing

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


@dataclass
class Services:
    """Stands for the rig: what has ended by itself, and what was started."""

    ended: list[tuple[str, int]]
    started: list[str] = field(default_factory=list)

    def died(self) -> list[tuple[str, int]]:
        ended, self.ended = self.ended, []
        return ended

    def start(self, part: str) -> None:
        self.started.append(part)

    def kill(self, part: str) -> None: ...


def faults_of(services: Services, now: list[float]) -> Faults:
    return Faults(services, random.Random(1), lambda: now[0])  # type: ignore[arg-type]  # the part of the rig that is asked


def test_a_service_whose_redis_is_away_is_started_again_as_its_unit_would():
    services, now = Services([]), [0.0]
    faults = faults_of(services, now)
    faults.hold("redis", 3.0, lambda: services.start("redis"))
    services.ended = [("serve", 4)]
    assert faults.unexpected_ends() == []
    faults.end_due()
    assert "serve" not in services.started
    now[0] = 100.0
    faults.end_due()
    assert "serve" in services.started
    assert faults.count[RESTARTED] == 1


@pytest.mark.parametrize(("part", "code"), [("serve", 4), ("serve", 1), ("console", 5), ("receiver", 4), ("box", -11)])
def test_whatever_else_ends_by_itself_is_told(part: str, code: int):
    services, now = Services([(part, code)]), [0.0]
    faults = faults_of(services, now)
    assert faults.unexpected_ends() == [f"{part} ended by itself with exit code {code}"]
    now[0] = 100.0
    faults.end_due()
    assert services.started == [part]


def test_a_passage_that_is_told_late_belongs_to_its_own_vehicle_and_not_to_the_next_of_that_plate(tmp_path: Path):
    scene = [*passing("鲁W123AB"), *[[]] * 200, *passing("鲁W123AB")]
    first, again = passages_of(scene, make_screening(ListedPlates(), KeptEvents()))
    with contextlib.closing(Notes(tmp_path / "seen")) as notes:
        for passage in (first, again):
            notes.begins(passage.best.text, passage.track.started_at)
        for passage in (again, first):
            notes.ends(passage, "id")
    lines = [json.loads(line) for line in (tmp_path / "seen").read_text(encoding="utf-8").splitlines()]
    assert [line["begun_s"] for line in lines[2:]] == [lines[1]["begun_s"], lines[0]["begun_s"]]


@pytest.mark.long
@pytest.mark.parametrize("seed", [1, 4])
def test_two_minutes_in_which_everything_goes_wrong_break_no_promise(tmp_path: Path, seed: int):
    outcome = run(tmp_path, seed, 60.0)
    assert outcome.problems == []
    assert {each.outcome for each in outcome.history.seen} >= {"flagged", "clear"}
    assert outcome.faults.total() > 5
