"""The reads of one box on their way from the journal to decided passages."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from ocr.types import BgrImage, BoundingBox, PlateRead
from pipeline.reads.arrival import Arrival
from pipeline.reads.arrivals import Arrivals
from pipeline.reads.camera_read import CameraRead, SentRead
from pipeline.reads.cipher import Seal
from pipeline.reads.journal import Journal
from pipeline.reads.looking import Looking
from pipeline.reads.settings import ReadsSettings
from pipeline.settings import TrackSettings
from pipeline.types import Passage
from pipeline.walk.deciding import Decider, PassageRule
from tests.pipeline_kit import NOON, KeptEvents, KeptPassages, ListedPlates, make_screening

LISTED, OTHER = "鲁B12345", "鲁B67890"
PICTURE = np.full((360, 640, 3), 90, np.uint8)
PLATE_BOX = BoundingBox(300, 250, 380, 276)


def read_of(text: str = LISTED, **changes: object) -> CameraRead:
    usual = {"text": text, "raw_text": text, "captured_at": NOON, "style": "blue", "score": 0.98}
    return CameraRead.model_validate({**usual, **changes})


class Scripted:
    """Reads in every picture what it is told to."""

    def __init__(self, *reads: PlateRead) -> None:
        self.reads = list(reads)
        self.asked = 0

    def read(self, image: BgrImage, moved: object = None, *, follows: bool = False) -> list[PlateRead]:  # noqa: ARG002  the reader's signature
        self.asked += 1
        return self.reads


class Lane:
    """The reads of one box on their way, from the journal on."""

    def __init__(
        self,
        folder: Path,
        listed: ListedPlates,
        own: Sequence[PlateRead] = (),
        reader: Scripted | None = None,
        **settings: object,
    ) -> None:
        devices = [
            {"device_id": name, "maker": "axis", "checkpoint": "东门卡口", "lane": "1", "secret_file": folder / "s"}
            for name in ("front", "rear")
        ]
        self.settings = ReadsSettings.model_validate({"device": devices, **settings})
        self.journal = Journal(folder / "reads", Seal(bytes(32)))
        self.events, self.spool, self.reader = KeptEvents(), KeptPassages(), reader or Scripted(*own)
        screening = make_screening(listed, self.events, self.spool)
        self.counts = screening.counts
        rule = replace(PassageRule.of(TrackSettings()), min_looks=1)
        reads = self.settings
        self.arrivals = Arrivals(
            self.journal,
            Looking(
                self.reader,
                lambda content: PICTURE if content else None,
                camera_weight=reads.camera_weight,
                common_errors=reads.common_errors,
            ),
            reads,
            dict.fromkeys(("front", "rear"), Decider(rule, screening)),
            dict.fromkeys(("front", "rear"), screening.counts),
            now=lambda: self.now,
        )
        self.now_s = 100.0
        self.now = NOON

    def send(self, read: CameraRead, device: str = "front", *, scene: bytes = b"", is_late: bool = False) -> None:
        passed_at = read.captured_at or NOON
        arrival = Arrival(device, passed_at, passed_at, is_late, SentRead(read, b"", scene))
        self.journal.keep(self.journal.sealed([arrival]), self.now_s)

    def decided(self, after_s: float = 0.0) -> list[Passage]:
        self.now_s += after_s
        passages: list[Passage] = []
        count = 1
        while count:
            count, some = self.arrivals.step(self.now_s)
            passages += some
        return passages
