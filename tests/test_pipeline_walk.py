"""One way through: a frame reaches its event through few hands, and no stage reaches back to another."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from pipeline.settings import PipelineSettings, SourceSettings
from pipeline.types import Frame, FrameReads, Passage, PlateTrack
from pipeline.walk.camera import CameraParts, screen_source
from tests.pipeline_kit import NOON, KeptEvents, ListedPlates, make_screening, write_video
from tests.replay_kit import BLUE, ColorReader, street_with

ROOT = Path(__file__).parents[1]
MOST_FILES = 8
ON_THE_WAY = (Frame, FrameReads, PlateTrack, Passage)
"""What the stages hand each other."""


@contextmanager
def noted_files(files: set[str]) -> Iterator[None]:
    """Note the files of ours whose functions have a frame, or what became of it, in their hands."""

    def note(frame: FrameType, event: str, returned: object) -> None:
        path = Path(frame.f_code.co_filename)
        if event != "return" or not path.is_relative_to(ROOT) or path.is_relative_to(ROOT / "tests"):
            return
        if any(isinstance(value, ON_THE_WAY) for value in (returned, *frame.f_locals.values())):
            files.add(str(path.relative_to(ROOT)))

    sys.setprofile(note)
    try:
        yield
    finally:
        sys.setprofile(None)


def test_a_frame_reaches_its_event_through_at_most_eight_files(tmp_path: Path) -> None:
    path = write_video(tmp_path / "a.avi", street_with(BLUE))
    source = SourceSettings(camera_id="cam-1", checkpoint="东门卡口", uri=str(path), start=NOON)
    outbox = KeptEvents()
    parts = CameraParts(ColorReader(), make_screening(ListedPlates("京A12345"), outbox))
    files: set[str] = set()
    with noted_files(files):
        (passage,) = screen_source(source, PipelineSettings(), parts)
    assert outbox.events == [passage.event]
    assert len(files) <= MOST_FILES, sorted(files)
