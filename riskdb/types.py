"""The words of the risk list."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Literal, Protocol, TypeAlias

from pydantic import BaseModel, ConfigDict

RiskLevel = Literal["high", "medium"]
MatchLevel = Literal["hit", "possible"]
BEIJING = timezone(timedelta(hours=8), "北京时间")
"""China Standard Time, which has no daylight saving: what screens, reports and recorders' file names say."""


class RiskDBError(Exception):
    """The risk list could not be asked or changed; a passage that met this is unchecked, never clear."""


class StaleListError(RiskDBError):
    """The list's keeper was not heard of for too long, or the clocks differ as much."""


class OtherKeyError(RiskDBError):
    """The list was made with another plate key than this machine's."""


class Hypothesis(Protocol):
    """A plate that a picture may show."""

    @property
    def text(self) -> str: ...
    @property
    def plate_class(self) -> str: ...
    @property
    def probability(self) -> float: ...


class PlateGrammar(Protocol):
    """Which texts are plates; comes in from outside, riskdb knows no plate form."""

    def normalise(self, text: str) -> str:
        """Return the plate's one spelling. Raises ValueError, saying why it is no plate."""
        ...

    def classes_of(self, text: str) -> tuple[str, ...]:
        """Return the codes of the plate classes that can carry this text."""
        ...


@dataclass(frozen=True, slots=True)
class RiskReason:
    """One stay in a declared risk area. All times are aware UTC; `until` is exclusive."""

    area: str
    area_name: str
    level: RiskLevel
    visited_from: datetime
    visited_until: datetime
    declared_from: datetime
    declared_until: datetime | None
    """None while the declaration has no end."""
    source: str
    expires_at: datetime
    """From this second on the reason does not count."""


@dataclass(frozen=True, slots=True)
class Alternative:
    """One way to read the plate, and whether that one is listed."""

    text: str
    plate_class: str
    probability: float
    is_listed: bool


PermitStanding: TypeAlias = Literal["valid", "doubled", "off_route", "expired", "not_yet"]
"""What a vehicle's permits come to at a passage, without their particulars."""


@dataclass(frozen=True, slots=True)
class Permit:
    """One permit. Times are epoch seconds, the end is exclusive."""

    serial: str
    """6 digits of the area that issued it, and 6 more."""
    valid_from: int
    valid_until: int
    route: str
    """In words, for people."""
    stops: tuple[str, ...]
    """Names of the checkpoints that it leads through; empty: any."""
    goods: str
    issuer: str

    def as_json(self) -> str:
        """Return the fields in their order: short, and quickly read where a vehicle waits."""
        fields = (
            self.serial, self.valid_from, self.valid_until, self.route, self.stops, self.goods, self.issuer
        )  # fmt: skip
        return json.dumps(fields, ensure_ascii=False, separators=(",", ":"))

    @classmethod
    def of_json(cls, document: object) -> "Permit":
        """Raises ValueError for what is none."""
        if not isinstance(document, list) or len(document) != 7:
            raise ValueError("no permit")
        serial, valid_from, valid_until, route, stops, goods, issuer = document
        if not (type(valid_from) is type(valid_until) is int and isinstance(stops, list)):
            raise ValueError("no permit")
        if {*map(type, (serial, route, goods, issuer, *stops))} == {str}:
            return cls(serial, valid_from, valid_until, route, tuple(stops), goods, issuer)
        raise ValueError("no permit")

    @classmethod
    def all_of_json(cls, text: bytes) -> "tuple[Permit, ...]":
        """Return the permits in a value of Redis; none where it is damaged: a permit decides nothing."""
        try:
            # Decoded first: of bytes, json asks each time in which encoding they could be.
            return tuple(map(cls.of_json, json.loads(text.decode())))
        except (ValueError, TypeError, RecursionError):
            return ()

    def is_valid_at(self, now: float) -> bool:
        return self.valid_from <= now < self.valid_until

    def leads_through(self, checkpoint: str) -> bool:
        return not self.stops or any(stop in checkpoint or checkpoint in stop for stop in self.stops)


@dataclass(frozen=True, slots=True)
class RiskMatch:
    """A vehicle that is, or may be, on the risk list."""

    level: MatchLevel
    probability: float
    """That the vehicle in the pictures is a listed one, 0.0 to 1.0."""
    text: str
    """The most probable listed plate."""
    plate_class: str
    reasons: tuple[RiskReason, ...]
    """Never empty; the one that lasts longest first."""
    alternatives: tuple[Alternative, ...]
    """Most probable first, listed and unlisted."""
    why: str
    """A sentence for people, in Chinese."""
    list_version: int
    permits: tuple[Permit, ...] = ()
    """Of the most probable reading: they are shown, and change nothing about the match."""


class RiskList(Protocol):
    """What a match asks: which plates are listed, and why."""

    def reasons_of(self, plates: Sequence[tuple[str, str]], now: datetime) -> "ListedReasons":
        """Return the reasons that hold at `now` for (plate class, text) pairs. Raises RiskDBError."""
        ...


@dataclass(frozen=True, slots=True)
class ListedReasons:
    """The answer of one version of the list."""

    version: int
    reasons: tuple[tuple[RiskReason, ...], ...]
    """One item per plate asked, in order; empty where the plate is not listed."""
    held: bytes | None = None
    """The permits of the first plate asked as Redis has them, whether it is listed or not."""

    @property
    def permits(self) -> tuple[Permit, ...]:
        """The same, read only now: a vehicle is asked about with many looks, and told of once."""
        return Permit.all_of_json(self.held) if self.held else ()


class Declaration(BaseModel):
    """One area declaration as it stands in Redis. Times are epoch seconds; `until` is exclusive."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    area: str
    name: str
    level: RiskLevel
    declared_from: int
    declared_until: int | None


class RiskIntegrityError(RiskDBError):
    """Record and list contradict each other; the message says what to do, and nothing was changed."""


class NewerRecordError(RiskDBError):
    """A newer build has written the record; the message says what to do, and nothing was changed."""


class RiskRequestError(RiskDBError):
    """What was asked for is not there or lacks a reason; the message says so in Chinese."""


class RiskFileError(RiskDBError):
    """A file cannot be imported at all; the message names the file and, where there is one, the row."""
