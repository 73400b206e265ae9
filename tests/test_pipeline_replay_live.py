"""A recording that is replayed shows what a camera's box showed."""

from pathlib import Path

import pytest

from pipeline.replay.units import ReplayUnit
from pipeline.replay.worker import replay_unit
from pipeline.settings import PipelineSettings, SourceSettings
from pipeline.walk.camera import CameraParts, screen_source
from tests.pipeline_kit import NOON, KeptEvents, ListedPlates, make_screening, nursery, write_video
from tests.replay_kit import BLUE, YELLOW, ColorReader, build_parts, street_with


@pytest.mark.parametrize("listed", [(), ("京A12345",), ("京A12345", "沪B67890")])
def test_kakou_run_on_a_file_gives_the_passages_of_its_replay(tmp_path: Path, listed: tuple[str, ...]) -> None:
    path = write_video(tmp_path / "a.mp4", [*street_with(BLUE), *street_with(YELLOW)])
    source = SourceSettings(camera_id="cam-1", checkpoint="回放", uri=str(path), start=NOON)
    outbox = KeptEvents()
    parts = CameraParts(ColorReader(), make_screening(ListedPlates(*listed), outbox))
    live = sorted(
        (passage.started_at, passage.best.text, passage.outcome)
        for passage in screen_source(source, PipelineSettings(), parts, nursery=nursery())
    )
    replayed = replay_unit(ReplayUnit(path, "a.mp4", NOON), build_parts(*listed), "f", lambda *_: None).passages
    assert live == [(passage.started_at, passage.text, passage.outcome) for passage in replayed]
    assert [outcome for _, _, outcome in live].count("flagged") == len(outbox.events) == len(listed)
    assert len(live) == 2
