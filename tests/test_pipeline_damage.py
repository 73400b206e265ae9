"""Damaged footage gives the same answer every time, however many threads decode it."""

import random
import zlib
from pathlib import Path

import pytest

from ocr.types import BgrImage, PlateRead
from pipeline.errors import UnsteadyDecodingError
from pipeline.replay.records import UnitResult
from pipeline.replay.units import ReplayUnit
from pipeline.replay.worker import ReplayParts, replay_unit
from pipeline.settings import PipelineSettings, SourceSettings
from pipeline.types import ScreeningCounts
from pipeline.video.sources import read_frames
from tests.commands import REPOSITORY
from tests.pipeline_kit import ID_KEY, NOON, KeptEvents, ListedPlates, box_at, nursery
from tests.plates import make_read

CLIP = REPOSITORY / "fixtures" / "videos" / "dusk_booth.mp4"
THREADS = 4


class PixelReader:
    """Reads a plate out of every pixel of a picture: one that differs anywhere has another plate."""

    def read(self, image: BgrImage, moved: object = None, *, follows: bool = False) -> list[PlateRead]:  # noqa: ARG002  the reader's signature
        return [make_read(f"京A{zlib.crc32(image.tobytes()) % 100_000:05d}", box_at(50, 50))]


@pytest.fixture(scope="module")
def damaged(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """H.264 with a few bytes turned over: what is missing is concealed with what other threads have at that moment."""
    content, rng = bytearray(CLIP.read_bytes()), random.Random(1)
    for _ in range(8):
        at = rng.randrange(len(content) // 10, len(content) * 9 // 10)
        content[at : at + 40] = rng.randbytes(40)
    path = tmp_path_factory.mktemp("damaged") / "damaged.mp4"
    path.write_bytes(content)
    return path


def replayed(path: Path, decoder_threads: int, outbox: KeptEvents | None = None) -> UnitResult:
    parts = ReplayParts(
        reader=PixelReader(),
        match=ListedPlates(),
        list_at=NOON,
        settings=PipelineSettings(),
        id_key=ID_KEY,
        models={},
        checkpoint="回放",
        outbox=outbox,
        evidence_folder=None,
        nursery=nursery(),
    )
    return replay_unit(ReplayUnit(path, "a", NOON), parts, "f", lambda *_: None, decoder_threads)


def answer(result: UnitResult) -> str:
    return result.model_dump_json(exclude={"timings"})


@pytest.mark.long
def test_damaged_footage_has_one_answer_whatever_the_number_of_decoder_threads(damaged: Path) -> None:
    alone, together = replayed(damaged, 1), replayed(damaged, THREADS)
    assert answer(alone) == answer(together)
    assert alone.video.frames == 240
    assert alone.video.damage is not None
    assert "解码器共报" in alone.video.damage


@pytest.mark.long
def test_whole_footage_is_decoded_by_many_threads_to_the_same_answer() -> None:
    assert answer(replayed(CLIP, 1)) == answer(replayed(CLIP, THREADS))


def test_several_threads_stop_at_damage_and_do_not_guess(damaged: Path) -> None:
    source = SourceSettings(camera_id="cam-1", checkpoint="东门卡口", uri=str(damaged))
    with pytest.raises(UnsteadyDecodingError):
        list(read_frames(source, PipelineSettings(), ScreeningCounts(), decoder_threads=THREADS))
