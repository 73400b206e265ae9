"""What cameras send does not fill the memory: a segment that was closed a while ago is on disk alone."""

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


def is_in_memory(path: Path) -> bool:
    file = os.open(path, os.O_RDONLY)
    try:
        os.preadv(file, [bytearray(1)], 0, os.RWF_NOWAIT)
    except BlockingIOError:
        return False
    finally:
        os.close(file)
    return True


def can_tell(folder: Path) -> bool:
    """Whether this file system lets pages go, and says so."""
    if not hasattr(os, "RWF_NOWAIT"):
        return False
    (probe := folder / "probe").write_bytes(SCENE)
    file = os.open(probe, os.O_RDONLY)
    os.fsync(file)
    os.close(file)
    try:
        leave_memory(probe)
        return not is_in_memory(probe)
    except OSError:  # it cannot say
        return False


def test_the_last_segments_stay_in_memory_for_who_decides_and_older_ones_leave_it(tmp_path: Path):
    if not can_tell(tmp_path):
        pytest.skip("this file system does not tell what of it is in memory")
    count = HELD_SEGMENTS + 8
    with contextlib.closing(Journal(tmp_path / "reads", Seal(bytes(32)))) as journal:
        for number in range(count):
            read = CameraRead(text="", raw_text="", message_id=f"{number:032d}-abcde", captured_at=NOON)
            arrival = Arrival("K01", NOON, NOON, False, SentRead(read, b"", SCENE))
            assert journal.keep(journal.sealed([arrival]), number * 2 * SEGMENT_S) == [True]
            journal.rest((number * 2 + 1) * SEGMENT_S)
        found = [is_in_memory(path) for path in sorted((tmp_path / "reads").glob("*.reads"))]
        leave_memory(tmp_path / "reads" / "0.reads")  # one whose reads were decided meanwhile
        older, last = found[:-HELD_SEGMENTS], found[-HELD_SEGMENTS:]
        # The system does as it is asked when it can: a page that is busy just then stays.
        assert (sum(older) <= 2, sum(last) >= HELD_SEGMENTS - 2) == (True, True), found
        scenes = [each.arrival.sent.scene_picture for each in journal.waiting(0, 100) if each.arrival is not None]
    assert scenes == [SCENE] * count, "and all of them can be read"
