"""The published schema of a flagged event: `python -m alerts.schema > docs/events.schema.json`."""

import json
import sys
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from alerts.channels.payload import NOTICE_SCHEMA_URI, NOTICE_TYPE, FlaggedNotice
from alerts.events import EVENT_TYPE, SCHEMA_URI, FlaggedEvent, UtcDatetime


class Envelope(BaseModel):
    """CloudEvents 1.0, structured JSON, as far as both kinds share it."""

    model_config = ConfigDict(extra="forbid")

    specversion: Literal["1.0"]
    id: str = Field(description="The same as data.event_id; receivers dedup by it.")
    source: str = Field(description="/checkpoints/<checkpoint>/cameras/<camera>, percent-encoded.")
    time: UtcDatetime = Field(description="When the match was made.")
    datacontenttype: Literal["application/json"]


class FlaggedCloudEvent(Envelope):
    """The whole event, for receivers that are entitled to the plate."""

    type: Literal["cn.kakou.vehicle.flagged.v1"]
    dataschema: Literal["urn:kakou:flagged-event:1"]
    data: FlaggedEvent


class NoticeCloudEvent(Envelope):
    """That something was flagged, and a link: what every other receiver gets."""

    type: Literal["cn.kakou.vehicle.flagged.notice.v1"]
    dataschema: Literal["urn:kakou:flagged-notice:1"]
    data: FlaggedNotice


def schema_text() -> str:
    """Return both schemas as one JSON document, JSON Schema 2020-12."""
    schemas: dict[str, type[BaseModel]] = {EVENT_TYPE: FlaggedCloudEvent, NOTICE_TYPE: NoticeCloudEvent}
    document = {
        "$comment": f"Schemas by CloudEvents type; dataschema is {SCHEMA_URI} or {NOTICE_SCHEMA_URI}.",
        **{event_type: model.model_json_schema(mode="serialization") for event_type, model in schemas.items()},
    }
    return json.dumps(document, ensure_ascii=False, indent=2) + "\n"


if __name__ == "__main__":
    sys.stdout.write(schema_text())
