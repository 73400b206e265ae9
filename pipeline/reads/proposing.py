"""What a higher platform wants watched goes on as a proposal to the data steward, each once, and not without end."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from alerts.envelope import Event, deterministic_id
from alerts.proposal import ProposalEvent
from pipeline.errors import ReadsError
from pipeline.reads.adapter import SentProposal
from pipeline.reads.settings import DeviceSettings

MOST_A_DAY = 2000
"""From one platform: a box's disk and line are there for flagged vehicles."""
DAY = timedelta(days=1)


class TooManyProposalsError(ReadsError):
    """A platform asked for more than is taken of it in a day."""


class Proposing:
    """The proposals of one box."""

    def __init__(
        self, append: Callable[[Event], bool], id_key: Callable[[], bytes], most_a_day: int = MOST_A_DAY
    ) -> None:
        """`append` keeps an event for good before it returns; both may raise what the outbox and the key raise."""
        self._append = append
        self._id_key = id_key
        self._most_a_day = most_a_day
        self._told: dict[str, dict[str, datetime]] = {}
        """Of each platform what it asked for within a day."""

    def take(self, device: DeviceSettings, sent: Sequence[SentProposal], now: datetime) -> int:
        """Return how many are new. Raises OutboxError, RiskDBError, and TooManyProposalsError before any is kept."""
        told = {key: at for key, at in self._told.get(device.device_id, {}).items() if now - at < DAY}
        self._told[device.device_id] = told
        events = {event.event_id: event for event in (self._event(device, one, now) for one in sent)}
        fresh = [event for key, event in events.items() if key not in told]
        if len(told) + len(fresh) > self._most_a_day:
            raise TooManyProposalsError(f"24 小时内布控超过 {self._most_a_day} 条")
        for event in fresh:
            self._append(event)
            told[event.event_id] = now
        return len(fresh)

    def _event(self, device: DeviceSettings, sent: SentProposal, now: datetime) -> ProposalEvent:
        moments = [str(moment) for moment in (sent.begins_at, sent.until)]
        said = [sent.reference, str(sent.is_lift), sent.text, sent.plate_class, sent.reason, sent.office, *moments]
        return ProposalEvent(
            event_id=deterministic_id(["proposal", device.device_id, *said], self._id_key()),
            platform=device.device_id, checkpoint=device.checkpoint, reference=sent.reference, is_lift=sent.is_lift,
            text=sent.text, plate_class=sent.plate_class, reason=sent.reason, office=sent.office,
            begins_at=sent.begins_at, until=sent.until, arrived_at=now,
        )  # fmt: skip
