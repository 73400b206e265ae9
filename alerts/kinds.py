"""The kinds of event, one row each: what is read is looked up here, and what is not here is a dead letter.

A kind is one file beside this one and its class in the table; schema, outbox, stream, queues and channels follow.
"""

import json
import re
from typing import Literal, NoReturn

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from alerts.canary import CanaryEvent
from alerts.crossing import CrossingEvent
from alerts.envelope import MAX_EVENT_BYTES, Event
from alerts.errors import EventError
from alerts.flagged import FlaggedEvent
from alerts.handled import HandledEvent
from alerts.notice import NoticeEvent
from alerts.proposal import ProposalEvent

KINDS: tuple[type[Event], ...] = (FlaggedEvent, HandledEvent, NoticeEvent, CanaryEvent, CrossingEvent, ProposalEvent)
BY_TYPE = {kind.event_type: kind for kind in KINDS}
KIND_NAMES = tuple(kind.kind for kind in KINDS if kind not in (CanaryEvent, ProposalEvent))
"""What a channel can be asked to take; a canary goes nowhere but to its test path, a proposal to the data steward."""
FIELD_NAME = re.compile(r"[a-z_]{1,40}")


class Envelope(BaseModel):
    """What CloudEvents 1.0 asks of an envelope; attributes of others' extensions are passed over."""

    model_config = ConfigDict(extra="ignore")

    id: str = Field(min_length=1)
    source: str = Field(min_length=1)
    type: str
    datacontenttype: Literal["application/json"] | None = None
    data: object = None


def from_cloudevent(body: bytes | str) -> Event:
    """Return the event in a CloudEvents document.

    Raises EventError: too large, not JSON, of no kind or version that is known, or not a valid event. The message
    names fields but never their values, so that it can go into a log.
    """
    envelope = _opened(body)
    kind = BY_TYPE.get(envelope.type)
    if kind is None:
        raise EventError(f"event type {envelope.type[:80]!a} is not known, expected {', '.join(BY_TYPE)}")
    try:
        event = kind.model_validate(envelope.data)
    except ValidationError as error:
        fields = sorted({_place_of(problem["loc"]) or "data" for problem in error.errors(include_input=False)})
        raise EventError(f"event data not valid at: {', '.join(fields)[:300]}") from error
    if event.event_id != envelope.id:
        raise EventError("the envelope's id differs from the event's")
    return event


def _opened(body: bytes | str) -> Envelope:
    """Return what is in a CloudEvents document. Raises EventError, whatever it is that is no envelope."""
    if len(body) > MAX_EVENT_BYTES:
        raise EventError(f"event of {len(body)} bytes, at most {MAX_EVENT_BYTES} are accepted")
    try:
        document = json.loads(body, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise EventError("not valid JSON") from error
    if not isinstance(document, dict) or document.get("specversion") != "1.0":
        raise EventError("not a CloudEvents 1.0 document")
    try:
        return Envelope.model_validate(document)
    except ValidationError as error:
        raise EventError("the CloudEvents envelope is not valid") from error


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not JSON")


def _place_of(location: tuple[int | str, ...]) -> str:
    """Return a place in the data; the name of a field that is not ours may be anything, a plate too."""
    return ".".join(str(part) if isinstance(part, int) or FIELD_NAME.fullmatch(part) else "?" for part in location)
