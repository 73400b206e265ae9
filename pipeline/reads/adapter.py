"""What an adapter is: a maker's message in, the reads in it and the maker's answer out.

An adapter is one file here, named for its maker, that defines `ADAPTER`; makers.py finds it. It keeps nothing and
opens nothing: who may send, what is on disk and what was sent before is the endpoint's business.
"""

import json
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

from pipeline.errors import ReadsError
from pipeline.reads.camera_read import SentRead

UNDERSTOOD = "application/json"


class UnreadableMessageError(ReadsError):
    """A message of a known camera that cannot be understood; says what is wrong with it, without its values."""


@dataclass(frozen=True, slots=True)
class Mapping:
    """Where a device's own JSON keeps what a read needs: dotted paths such as "result.plate.text"."""

    paths: tuple[tuple[str, str], ...] = ()
    """(field of CameraRead, or plate_picture / scene_picture; path)."""


@dataclass(frozen=True, slots=True)
class Message:
    """One HTTP message of a device that has shown its secret."""

    path: str
    """What follows the device's own address, without a leading slash; "" for nothing."""
    content_type: str
    body: bytes
    arrived_at: datetime
    method: str = "POST"
    query: str = ""
    """Of the address, still percent-encoded."""
    mapping: Mapping = Mapping()
    """Only of devices of the maker `json`."""
    utc_offset: timedelta = timedelta(hours=8)
    """Of the device's clock, for times that come without a zone."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What the camera is told once all reads are on disk. Nothing in it opens a barrier."""

    body: bytes = b""
    content_type: str = UNDERSTOOD
    status: int = 200

    @classmethod
    def of_json(cls, document: object, content_type: str = UNDERSTOOD) -> "Reply":
        return cls(json.dumps(document, ensure_ascii=False).encode(), content_type)


@dataclass(frozen=True, slots=True)
class Understood:
    """What a message holds; no reads for a sign of life or an event that is no read."""

    reads: tuple[SentRead, ...] = ()
    reply: Reply = field(default_factory=Reply)
    crossings: tuple["SentCrossing", ...] = ()
    serial: str | None = None
    """Which device a sign of life says it comes from."""
    proposals: tuple["SentProposal", ...] = ()
    unreadable: str = ""
    """What is wrong with a part of it that could not be understood, while the others were; "" for nothing."""
    declined: str = ""
    """What it asks for and does not get, for people; "" for nothing."""


@dataclass(frozen=True, slots=True)
class SentCrossing:
    """Somebody went in or out where a guard camera watches a door."""

    message_id: str | None
    captured_at: datetime | None
    picture: bytes = b""


@dataclass(frozen=True, slots=True)
class SentProposal:
    """A platform wants a vehicle watched, or no longer: for the data steward, see ProposalEvent."""

    reference: str
    is_lift: bool
    text: str
    plate_class: str
    reason: str
    office: str
    begins_at: datetime | None
    until: datetime | None


class Adapter(Protocol):
    """One maker's way to say what its cameras saw."""

    @property
    def title(self) -> str:
        """The maker or the interface, for people."""
        ...

    def understand(self, message: Message) -> Understood:
        """Return what a message says. Raises UnreadableMessageError."""
        ...
