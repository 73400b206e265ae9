"""What a feed is told."""

from dataclasses import dataclass

from riskdb.types import RiskDBError


class FeedQuotaError(RiskDBError):
    """The feed has sent more in this hour than it may; nothing of the batch was kept."""


class FeedRefusedError(RiskDBError):
    """Nothing was taken; the message says what to do."""


class FeedUnknownError(FeedRefusedError):
    """No such feed, or the signature is not its own."""


@dataclass(frozen=True, slots=True)
class FeedNotice:
    """A feed that does not look as usual. Times are epoch seconds."""

    feed: str
    kind: str
    begun_at: int
    told: str


@dataclass(frozen=True, slots=True)
class Refused:
    """A record that was not taken."""

    number: int
    """As its row was numbered."""
    why: str


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of a batch."""

    accepted: int = 0
    """Records that count, those known before among them."""
    refused: tuple[Refused, ...] = ()
    notices: tuple[FeedNotice, ...] = ()
    is_repeated: bool = False
    """The batch was taken before: nothing changed."""
