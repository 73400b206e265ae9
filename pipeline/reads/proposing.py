"""What a higher platform wants watched goes on as a proposal to the data steward, each once, and not without end."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import TypeAlias

from alerts.envelope import Event, deterministic_id
from alerts.proposal import ProposalEvent
from pipeline.errors import ReadsError
from pipeline.reads.adapter import SentProposal
from pipeline.reads.settings import DeviceSettings

MOST_A_DAY = 2000
"""From one platform: a box's disk and line are there for flagged vehicles."""
DAY = timedelta(days=1)

Words: TypeAlias = dict[tuple[str, str], tuple[frozenset[SentProposal], datetime]]
"""What a platform stands by of (number of the 布控, plate), and when it last said something new."""


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
        self._said: dict[str, Words] = {}
        """Of each platform, within a day."""
        self._taken: dict[str, list[datetime]] = {}
        """When each that was taken of a platform came, within a day."""

    def take(self, device: DeviceSettings, sent: Sequence[SentProposal], now: datetime) -> int:
        """Return how many are new. Raises OutboxError, RiskDBError, and TooManyProposalsError before any is kept.

        What a platform goes on saying is one; what it says again after it had said something else is another.
        """
        platform = device.device_id
        said = {about: word for about, word in self._said.get(platform, {}).items() if now - word[1] < DAY}
        taken = [at for at in self._taken.get(platform, []) if now - at < DAY]
        fresh = [one for one in sent if _is_new(said, one, now)]
        if len(taken) + len(fresh) > self._most_a_day:
            raise TooManyProposalsError(f"24 小时内布控超过 {self._most_a_day} 条")
        for place, one in enumerate(fresh):
            self._append(self._event(device, one, now, place))
            taken.append(now)
            self._taken[platform] = taken
        self._said[platform] = said
        return len(fresh)

    def _event(self, device: DeviceSettings, sent: SentProposal, now: datetime, place: int) -> ProposalEvent:
        at = [str(now), str(place)]
        return ProposalEvent(
            event_id=deterministic_id(["proposal", device.device_id, sent.reference, *at], self._id_key()),
            platform=device.device_id, checkpoint=device.checkpoint, reference=sent.reference, is_lift=sent.is_lift,
            text=sent.text, plate_class=sent.plate_class, reason=sent.reason, office=sent.office,
            begins_at=sent.begins_at, until=sent.until, arrived_at=now,
        )  # fmt: skip


def _is_new(said: Words, sent: SentProposal, now: datetime) -> bool:
    """Return whether a platform does not stand by these words already, and note that it does now."""
    about = (sent.reference, sent.text)
    words, at = said.get(about, (frozenset[SentProposal](), now))
    if sent in words:
        return False
    for other in [each for each in said if each[0] == sent.reference and not (sent.text and each[1])]:
        del said[other]  # one without a plate is about all vehicles of its number
    # Without a number, and within one message, other words are another 布控, not a newer word about the same one.
    stay = {word for word in words if word.is_lift == sent.is_lift and (at == now or not sent.reference)}
    said[about] = (frozenset({*stay, sent}), now)
    return True
