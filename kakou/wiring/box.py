"""Builds a box's walk from the settings: the same for `kakou run`, `kakou demo` and their child processes."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from alerts.booth_link import OpenBooths
from alerts.outbox import Outbox
from kakou.settings import Settings
from kakou.utc import utc_now
from kakou.wiring.clock import trusted_clock
from kakou.wiring.matching import key_path, make_matcher
from kakou.wiring.outbox import open_outbox
from ocr.models_folder import ModelFiles, shipped_models
from ocr.providers import PROVIDERS, require_providers
from ocr.reader import PlateReader
from pipeline.settings import SourceSettings
from pipeline.types import InView, Passage, Reader, ScreeningCounts
from pipeline.walk.camera import CameraParts
from pipeline.walk.deciding import Screening
from pipeline.walk.flagging import Flagging
from pipeline.walk.spool import Spool
from riskdb.digest import load_or_create_key


@dataclass(frozen=True, slots=True)
class Box:
    """What the cameras of one process share. `redis_url` is the box's own Redis."""

    settings: Settings
    redis_url: str
    models: ModelFiles

    @classmethod
    def build(cls, settings: Settings, redis_url: str) -> "Box":
        """Check the models and what they shall run on, and return the box. Raises OcrError."""
        require_providers((PROVIDERS[settings.ocr_provider],))
        return cls(settings, redis_url, shipped_models())

    @property
    def stream_url(self) -> str:
        """Where events go: the centre's Redis where this box's own is a read-only replica."""
        return self.settings.alerts.stream_url or self.redis_url

    @property
    def moves_pictures(self) -> bool:
        """Whether the console that shows this box's pictures is on another machine."""
        chosen = self.settings.alerts.moves_pictures
        return self.settings.alerts.stream_url is not None if chosen is None else chosen

    @property
    def evidence_folder(self) -> Path:
        return self.settings.state_dir / "evidence"

    def outbox(self) -> Outbox:
        """Open the outbox of the state folder. Raises OutboxError."""
        return open_outbox(self.settings)

    def spool(self, *, keeps_time: bool = False) -> Spool:
        """Open the spool; with `keeps_time` it also keeps the mark of what time is known, by being asked often."""
        pipeline = self.settings.pipeline
        return Spool(
            self.settings.state_dir / "spool",
            self.settings.state_dir / "spool.key",
            trusted_clock(self.settings, is_keeping=keeps_time),
            timedelta(hours=pipeline.spool_hours),
            pipeline.spool_max_mb << 20,
            pipeline.spool_reserve_mib << 20,
        )

    def flagging(self, outbox: Outbox) -> Flagging:
        return Flagging(
            outbox,
            self.evidence_folder,
            lambda: load_or_create_key(key_path(self.settings)),
            self.models.sha256(),
            lane_lines={source.camera_id: source.lane_lines for source in self.settings.sources},
            booth_until=self.booth_until if self.has_booth else lambda *_: None,
        )

    @property
    def has_booth(self) -> bool:
        return self.settings.booth.port is not None

    def booth_until(self, checkpoint: str, camera_id: str, seen_at: datetime) -> datetime | None:
        """Return until when a flagged vehicle is its booth's; None if it is long gone or nobody has the page open."""
        now = utc_now()
        until = min(seen_at, now) + self.settings.booth.hold
        return until if until > now and OpenBooths(self.settings.state_dir).holds(checkpoint, camera_id) else None

    def reader(self) -> PlateReader:
        """Load the models into a reader, which several threads may use. Raises OcrError."""
        return PlateReader.from_models(
            self.models,
            providers=(PROVIDERS[self.settings.ocr_provider],),
            hub_model=self.settings.ocr_model,
        )

    def camera_parts(
        self,
        source: SourceSettings,
        reader: Reader,
        outbox: Outbox,
        counts: ScreeningCounts,
        in_view: InView | None = None,
        show: Callable[[Passage], None] = lambda _: None,
    ) -> CameraParts:
        """Return what one camera's walk is built of; only the outbox, and a reader made for it, may be shared.

        `in_view`: what the walk keeps up to date for such a reader.
        """
        return CameraParts(reader, self.screening(source.checkpoint, outbox, counts, show), in_view or InView())

    def screening(
        self,
        checkpoint: str,
        outbox: Outbox,
        counts: ScreeningCounts,
        show: Callable[[Passage], None] = lambda _: None,
    ) -> Screening:
        """Return what decides one camera's tracks, wherever they come from."""
        match = make_matcher(self.settings, self.redis_url)
        return Screening(
            match=match,
            permits=match.permits,
            flagging=self.flagging(outbox),
            spool=self.spool(),
            now=utc_now,
            checkpoint=checkpoint,
            counts=counts,
            hypothesis_count=self.settings.pipeline.hypothesis_count,
            show=show,
        )
