"""A replay gives the same answer every time, whoever runs it and however often it was interrupted."""

import dataclasses
import multiprocessing.synchronize
import os
import tempfile
from collections.abc import Iterator, Sequence
from datetime import timedelta
from functools import partial
from pathlib import Path
from threading import Event, Thread

import numpy as np
import pytest

from ocr.types import BgrImage, PlateRead
from pipeline.replay.engine import LocalEngine, ReplayEngine, UnitTask
from pipeline.replay.records import ListRecord, ReplayResult, RunRecord, UnitResult, jsonl_lines
from pipeline.replay.report import render_report
from pipeline.replay.run import PartStore, replay
from pipeline.replay.stopwatch import OnProgress
from pipeline.replay.truth import TruePassage, Truth
from pipeline.replay.units import ReplayUnit, find_units, split_long
from pipeline.replay.worker import ReplayParts, replay_unit
from tests.pipeline_kit import NOON, KeptEvents, write_video
from tests.replay_kit import BLUE, YELLOW, ColorReader, build_parts, near, street_with

RUN = RunRecord(
    models={"recogniser": "0" * 64},
    settings="1" * 64,
    risk_list=ListRecord(described="now", entry_count=1, digest="2" * 32),
    videos=2,
)


@pytest.fixture(scope="module")
def footage(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("footage")
    write_video(folder / "20261124_120000.avi", street_with(BLUE))
    write_video(folder / "deeper.avi", street_with(YELLOW))
    (folder / "deeper.avi").replace(_made(folder / "sub") / "20261124_130000.avi")
    (folder / "notes.txt").write_text("no footage")
    return folder


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder


class InlineEngine:
    """Runs units one after the other in this process."""

    def __init__(self, parts: ReplayParts) -> None:
        self._parts = parts

    def run(self, tasks: Sequence[UnitTask], on_progress: OnProgress, stop: Event) -> Iterator[UnitResult]:
        for task in tasks:
            if not stop.is_set():
                yield replay_unit(task.unit, self._parts, task.fingerprint, on_progress)


def run_all(footage: Path, parts: Path, engine: ReplayEngine | None = None, stop: Event | None = None) -> ReplayResult:
    units, problems = find_units([footage], None)
    assert problems == []
    engine = engine or InlineEngine(build_parts("京A12345"))
    return replay(units, RUN, engine, PartStore(parts), lambda *_: None, lambda _: None, stop or Event())


def lines_of(result: ReplayResult) -> str:
    return "\n".join(jsonl_lines(result.run, result.units))


def result_of(path: Path, from_ms: float = 0.0, until_ms: float | None = None) -> UnitResult:
    unit = ReplayUnit(path, path.name, NOON, from_ms, until_ms)
    return replay_unit(unit, build_parts("京A12345"), "f", lambda *_: None)


def test_the_answer_is_the_same_whatever_the_number_of_workers(footage: Path, tmp_path: Path) -> None:
    one = run_all(footage, tmp_path / "1")
    units, _ = find_units([footage], None)
    engine = LocalEngine(partial(build_parts, "京A12345"), 2)
    told: dict[str, float] = {}

    def on_progress(label: str, offset_ms: float, _length_ms: float) -> None:
        told[label] = offset_ms

    two = replay(units, RUN, engine, PartStore(tmp_path / "2"), on_progress, lambda _: None, Event())
    assert lines_of(one) == lines_of(two)
    assert set(told) == {unit.label for unit in units}
    passages = [passage for unit in one.units for passage in unit.passages]
    assert [(p.text, p.outcome) for p in passages] == [("京A12345", "flagged"), ("沪B67890", "clear")]


def test_a_resumed_replay_does_only_what_is_missing(footage: Path, tmp_path: Path) -> None:
    complete = run_all(footage, tmp_path)
    newest = max(tmp_path.glob("*.json"), key=lambda path: path.name)
    newest.unlink()
    kept = {path: path.stat().st_mtime_ns for path in tmp_path.glob("*.json")}
    resumed = run_all(footage, tmp_path)
    assert lines_of(resumed) == lines_of(complete)
    assert all(path.stat().st_mtime_ns == written for path, written in kept.items())


def test_a_stopped_replay_keeps_what_is_done_and_says_that_it_is_incomplete(footage: Path, tmp_path: Path) -> None:
    stop = Event()
    stop.set()
    result = run_all(footage, tmp_path, stop=stop)
    assert not result.is_complete


def test_other_footage_models_or_lists_are_not_mixed_with_old_results(footage: Path, tmp_path: Path) -> None:
    run_all(footage, tmp_path)
    units, _ = find_units([footage], None)
    other = RUN.model_copy(update={"risk_list": ListRecord(described="now", entry_count=0, digest="3" * 32)})
    result = replay(
        units, other, InlineEngine(build_parts()), PartStore(tmp_path), lambda *_: None, lambda _: None, Event()
    )
    assert {passage.outcome for unit in result.units for passage in unit.passages} == {"clear"}


def test_a_passage_names_its_times_its_looks_and_its_certainty(footage: Path) -> None:
    result = result_of(footage / "20261124_120000.avi")
    (passage,) = result.passages
    assert 0.5 <= passage.start_ms / 1000 <= 0.8
    assert 1.4 <= passage.end_ms / 1000 <= 1.7
    assert passage.look_count == len(passage.looks) >= 6
    assert len(passage.char_probs) == 7
    assert passage.started_at - NOON == timedelta(milliseconds=passage.start_ms)
    assert result.plate_jpegs[0] is not None
    assert result.plate_jpegs[0][:2] == b"\xff\xd8"


def test_a_result_survives_being_written_and_read_again(footage: Path) -> None:
    result = result_of(footage / "20261124_120000.avi")
    assert UnitResult.model_validate_json(result.model_dump_json()) == result


def test_a_passage_belongs_to_the_piece_that_it_begins_in(footage: Path) -> None:
    path = footage / "20261124_120000.avi"
    whole = result_of(path)
    first = result_of(path, until_ms=1000.0)
    second = result_of(path, from_ms=1000.0)
    assert [p.model_dump(exclude={"video"}) for p in first.passages] == [
        p.model_dump(exclude={"video"}) for p in whole.passages
    ]
    assert second.passages == ()
    assert (first.video.passages, second.video.passages) == (1, 0)


def test_a_piece_in_the_middle_of_a_file_has_its_own_passages_only(tmp_path: Path) -> None:
    pictures = [*street_with(BLUE, 60), *street_with(YELLOW, 60)]
    path = write_video(tmp_path / "long.mp4", pictures)
    first, second = result_of(path, until_ms=2400.0), result_of(path, from_ms=2400.0)
    assert [p.text for p in first.passages] == ["京A12345"]
    assert [p.text for p in second.passages] == ["沪B67890"]


def test_long_files_are_cut_by_their_length_alone(tmp_path: Path) -> None:
    path = tmp_path / "long.mp4"
    with path.open("wb") as file:
        file.truncate(40 * 1024 * 1024)
    pieces = split_long([ReplayUnit(path, "long.mp4", None)], lambda _: 1_500_000.0)
    assert [(piece.from_ms, piece.until_ms) for piece in pieces] == [(0.0, 750_000.0), (750_000.0, None)]


def test_what_is_sent_to_the_platform_is_marked_as_replayed(footage: Path) -> None:
    outbox = KeptEvents()
    unit = ReplayUnit(footage / "20261124_120000.avi", "a.avi", NOON)
    replay_unit(unit, build_parts("京A12345", outbox=outbox), "f", lambda *_: None)
    assert [(event.text, event.replayed) for event in outbox.events] == [("京A12345", True)]


def test_unreadable_footage_is_named_and_the_rest_is_done(footage: Path, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.mp4").write_bytes(b"no video")
    (tmp_path / "in" / "b.avi").write_bytes((footage / "20261124_120000.avi").read_bytes())
    result = run_all(tmp_path / "in", tmp_path / "parts")
    assert [(unit.video.frames, unit.video.damage is None) for unit in result.units] == [(0, False), (60, True)]
    assert result.is_complete


def test_a_folder_that_may_not_be_read_is_named_and_its_neighbours_are_done(footage: Path) -> None:
    """Root may read everything: the test stands back to nobody meanwhile."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        for part in ("locked", "open"):
            (folder / part).mkdir()
            (folder / part / "a.avi").write_bytes((footage / "20261124_120000.avi").read_bytes())
        (folder / "locked").chmod(0)
        before = os.geteuid()
        os.seteuid(before or 65534)
        try:
            units, problems = find_units([folder], None)
        finally:
            os.seteuid(before)
            (folder / "locked").chmod(0o755)
    assert [unit.video for unit in units] == ["open/a.avi"]
    assert len(problems) == 1
    assert "locked：没有权限" in problems[0]


class DyingReader:
    """Takes its whole process down, as a fault in a native library would."""

    def read(self, image: BgrImage, moved: object = None, *, follows: bool = False) -> list[PlateRead]:  # noqa: ARG002  the reader's signature
        if np.count_nonzero(near(image, YELLOW)) > 200:
            os.abort()
        return ColorReader().read(image)


def build_dying_parts() -> ReplayParts:
    return dataclasses.replace(build_parts("京A12345"), reader=DyingReader())


@pytest.mark.long
def test_a_worker_that_dies_costs_only_its_own_video(footage: Path, tmp_path: Path) -> None:
    units, _ = find_units([footage], None)
    engine = LocalEngine(build_dying_parts, 2)
    result = replay(units, RUN, engine, PartStore(tmp_path), lambda *_: None, lambda _: None, Event())
    assert [unit.video.damage for unit in result.units] == [None, "its worker process died twice"]
    assert [p.text for p in result.units[0].passages] == ["京A12345"]


def build_parts_of_one_who_dies_with_a_lock() -> ReplayParts:
    """Let this process die as soon as it has a lock that others wait for: the kernel's killer comes at any moment."""
    for kind in (multiprocessing.synchronize.Lock, multiprocessing.synchronize.Condition):
        kind.__enter__ = lambda lock: lock.acquire() and os.abort()  # type: ignore[method-assign]  # dies as it enters
    return build_parts("京A12345")


def test_a_replay_whose_worker_is_killed_at_any_moment_comes_to_its_end(footage: Path, tmp_path: Path) -> None:
    units, _ = find_units([footage / "20261124_120000.avi"], None)
    engine = LocalEngine(build_parts_of_one_who_dies_with_a_lock, 1)
    results: list[ReplayResult] = []

    def work() -> None:
        results.append(replay(units, RUN, engine, PartStore(tmp_path), lambda *_: None, lambda _: None, Event()))

    working = Thread(target=work, daemon=True)
    working.start()
    working.join(timeout=60)
    assert results, "the replay waits for a lock whose holder is dead"
    assert [unit.video.damage for unit in results[0].units] == ["its worker process died twice"]


def test_folders_are_searched_in_a_fixed_order_and_missing_paths_are_named(footage: Path, tmp_path: Path) -> None:
    units, problems = find_units([footage, tmp_path / "gone", tmp_path], None)
    assert [unit.video for unit in units] == ["20261124_120000.avi", "sub/20261124_130000.avi"]
    assert len(problems) == 2
    assert "gone" in problems[0]


def test_the_report_needs_nothing_from_outside_and_escapes_what_it_shows(footage: Path, tmp_path: Path) -> None:
    hostile = tmp_path / "<img src=x onerror=alert(1)>.avi"
    hostile.write_bytes((footage / "20261124_120000.avi").read_bytes())
    result = run_all(tmp_path, tmp_path / "parts")
    known = Truth((TruePassage(hostile.name, 0.5, 1.6, "京A12345", "02", True),), frozenset({hostile.name}))
    page = render_report(result, known)
    assert "<img src=x" not in page
    assert "http:" not in page
    assert "https:" not in page
    assert page.count("data:image/jpeg;base64,") == 1
    assert "! 命中" in page
