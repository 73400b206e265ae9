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
        raise EventError(f"没有这种事件 {envelope.type[:80]!a}：可用 {'、'.join(BY_TYPE)}；各端应为同一版本")
    try:
        event = kind.model_validate(envelope.data)
    except ValidationError as error:
        fields = sorted({_place_of(problem["loc"]) or "data" for problem in error.errors(include_input=False)})
        raise EventError(f"事件的这些字段不对：{', '.join(fields)[:300]}；各端应为同一版本") from error
    if event.event_id != envelope.id:
        raise EventError("事件的编号与信封的不同")
    return event


def _opened(body: bytes | str) -> Envelope:
    """Return what is in a CloudEvents document. Raises EventError, whatever it is that is no envelope."""
    if len(body) > MAX_EVENT_BYTES:
        raise EventError(f"事件有 {len(body)} 字节，最多 {MAX_EVENT_BYTES}")
    try:
        document = json.loads(body, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise EventError("不是 JSON") from error
    if not isinstance(document, dict) or document.get("specversion") != "1.0":
        raise EventError("不是 CloudEvents 1.0 文档")
    try:
        return Envelope.model_validate(document)
    except ValidationError as error:
        raise EventError("CloudEvents 信封不对") from error


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not JSON")


def _place_of(location: tuple[int | str, ...]) -> str:
    """Return a place in the data; the name of a field that is not ours may be anything, a plate too."""
    return ".".join(str(part) if isinstance(part, int) or FIELD_NAME.fullmatch(part) else "?" for part in location)
