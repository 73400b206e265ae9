"""Builds a replay's workers from the settings."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from kakou.settings import Settings
from kakou.wiring.matching import key_path, make_matcher, sunset_watch
from kakou.wiring.outbox import open_outbox
from kakou.wiring.risk import OcrGrammar, record_path
from ocr.models_folder import shipped_models
from ocr.reader import PlateReader
from pipeline.replay.records import ListRecord, RunRecord
from pipeline.replay.worker import ReplayParts
from pipeline.video.nursery import Nursery
from pipeline.walk.deciding import Match
from riskdb.digest import load_or_create_key
from riskdb.keeper import RiskKeeper
from riskdb.match import MatchRule, match_plate
from riskdb.record.record import RiskRecord
from riskdb.types import Hypothesis, RiskDBError, RiskMatch

LIST_PATIENCE_S = 1.0
"""Nobody waits at a barrier for recorded footage: a list that is late on a full machine is late, not unchecked."""


@dataclass(frozen=True, slots=True)
class ReplayPlan:
    """What every worker of a replay is built from; travels to them as it is."""

    settings: Settings
    list_at: datetime
    record: Path | None
    """The record whose list is asked; None asks the box's Redis, as `kakou run` does."""
    described: str
    """The list in words, for the run's record."""
    redis_url: str | None
    checkpoint: str
    emits: bool
    providers: tuple[str, ...]

    def build_parts(self) -> ReplayParts:
        """Build one worker's parts, in its own process. Raises OcrError, RiskDBError, OutboxError."""
        models = shipped_models()
        state = self.settings.state_dir
        return ReplayParts(
            reader=PlateReader.from_models(models, providers=self.providers),
            match=self.matcher(),
            list_at=self.list_at,
            settings=self.settings.pipeline,
            id_key=load_or_create_key(key_path(self.settings)),
            models=models.sha256(),
            checkpoint=self.checkpoint,
            outbox=open_outbox(self.settings) if self.emits else None,
            evidence_folder=state / "evidence" if self.emits else None,
            nursery=Nursery(),
        )

    def matcher(self) -> Match:
        """Return the match against the list as it stood. Raises RiskDBError."""
        sunset_watch(self.settings).require_open()
        if self.record is None:
            if self.redis_url is None:
                raise RiskDBError("没有名单：既没有行程库，也没有 Redis；先导入行程（kakou risk import）或设 REDIS_URL")
            risk = self.settings.risk.model_copy(
                update={"timeout_s": max(LIST_PATIENCE_S, self.settings.risk.timeout_s)}
            )
            return make_matcher(self.settings.model_copy(update={"risk": risk}), self.redis_url)
        with RiskRecord(self.record) as record:
            past = self._keeper(record).list_at(self.list_at)
        rule = MatchRule.of(self.settings.risk)

        def match(hypotheses: Sequence[Hypothesis], now: datetime) -> RiskMatch | None:
            return match_plate(hypotheses, past, rule, now)

        return match

    def run_record(self, videos: int) -> RunRecord:
        """Return what the run depends on. Raises OcrError, RiskDBError."""
        settings = self.settings.model_dump_json(include={"pipeline", "risk", "ocr_model"})
        key_mark = hashlib.sha256(load_or_create_key(key_path(self.settings))).hexdigest()
        depends_on = f"{settings}\0{self.checkpoint}\0{self.providers}\0{key_mark}"
        return RunRecord(
            models=shipped_models().sha256(),
            settings=hashlib.sha256(depends_on.encode()).hexdigest(),
            risk_list=self._list_record(),
            videos=videos,
        )

    def _list_record(self) -> ListRecord:
        if self.record is None:
            return ListRecord(described=self.described, entry_count=-1, digest="")
        with RiskRecord(self.record) as record:
            entries = dict(self._keeper(record).entries_at(self.list_at.timestamp()))
        total = hashlib.blake2b(digest_size=16)
        for digest in sorted(entries):
            total.update(digest + entries[digest])
        return ListRecord(described=self.described, entry_count=len(entries), digest=total.hexdigest())

    def _keeper(self, record: RiskRecord) -> RiskKeeper:
        return RiskKeeper(record, load_or_create_key(key_path(self.settings)), OcrGrammar(), self.settings.risk, None)


def default_record(settings: Settings) -> Path | None:
    """Return this machine's record; None on a box that only has a copy of the list, in a Redis of its own."""
    path = record_path(settings)
    return path if path.is_file() or settings.redis_url is None else None
