"""What cameras send does not fill the memory: of a segment that was closed a while ago the system is let go."""

import contextlib
import os
from pathlib import Path

import pytest

from pipeline.reads.arrival import Arrival
from pipeline.reads.camera_read import CameraRead, SentRead
from pipeline.reads.cipher import Seal
from pipeline.reads.journal import Journal
from pipeline.reads.segment import HELD_SEGMENTS, SEGMENT_S, leave_memory
from tests.pipeline_kit import NOON

SCENE = bytes(range(256)) * 400


@pytest.mark.skipif(not hasattr(os, "posix_fadvise"), reason="this system lets nobody say it")
def test_the_last_segments_stay_in_memory_for_who_decides_and_older_ones_are_let_go(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    let_go: list[str] = []
    advise = os.posix_fadvise

    def noted(file: int, begin: int, length: int, advice: int) -> None:
        # What of it the system drops at once is its own affair: a page may be busy just then.
        assert (begin, length, advice) == (0, 0, os.POSIX_FADV_DONTNEED), "all of it"
        let_go.append(Path(f"/proc/self/fd/{file}").resolve().name)
        advise(file, begin, length, advice)

    monkeypatch.setattr(os, "posix_fadvise", noted)
    count = HELD_SEGMENTS + 3
    with contextlib.closing(Journal(tmp_path / "reads", Seal(bytes(32)))) as journal:
        for number in range(count):
            read = CameraRead(text="", raw_text="", message_id=f"{number:032d}-abcde", captured_at=NOON)
            arrival = Arrival("K01", NOON, NOON, False, SentRead(read, b"", SCENE))
            assert journal.keep(journal.sealed([arrival]), number * 2 * SEGMENT_S) == [True]
            journal.rest((number * 2 + 1) * SEGMENT_S)
        leave_memory(tmp_path / "reads" / "0.reads")  # one whose reads were decided meanwhile
        scenes = [each.arrival.sent.scene_picture for each in journal.waiting(0, 100) if each.arrival is not None]
    assert let_go == [path.name for path in sorted((tmp_path / "reads").glob("*.reads"))][:3]
    assert scenes == [SCENE] * count, "and all of them can be read"
