"""The published schema of every kind of event: `python -m alerts.schema > docs/events.schema.json`."""

import json
import sys
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, create_model

from alerts.envelope import Event, Payload, UtcDatetime
from alerts.kinds import KINDS


class Envelope(BaseModel):
    """CloudEvents 1.0, structured JSON, as far as all kinds share it."""

    model_config = ConfigDict(extra="forbid")

    specversion: Literal["1.0"]
    id: str = Field(description="The same as data.event_id; receivers dedup by it.")
    source: str = Field(description="/checkpoints/<checkpoint>/cameras/<camera>, percent-encoded.")
    time: UtcDatetime = Field(description="When the match was made.")
    datacontenttype: Literal["application/json"]


def document_of(payload: type[Payload]) -> type[Envelope]:
    """Return the model of a whole document with this payload."""
    whole, is_thin = payload.__name__.removesuffix("Event"), not issubclass(payload, Event)
    described = "That it happened, and a link: what every other receiver gets."
    return create_model(
        f"{whole}CloudEvent",
        __base__=Envelope,
        __doc__=described if is_thin else "The whole event, for receivers that are entitled to the plate.",
        type=(_only(payload.event_type), ...),
        dataschema=(_only(payload.schema_uri), ...),
        data=(payload, ...),
    )


def _only(text: str) -> Any:
    return Literal[text]


def schema_text() -> str:
    """Return the schemas of all documents as one JSON document, JSON Schema 2020-12."""
    payloads = [payload for kind in KINDS for payload in (kind, kind.thin_model)]
    document = {
        "$comment": f"Schemas by CloudEvents type; dataschema is {' or '.join(one.schema_uri for one in payloads)}.",
        **{one.event_type: document_of(one).model_json_schema(mode="serialization") for one in payloads},
    }
    return json.dumps(document, ensure_ascii=False, indent=2) + "\n"


if __name__ == "__main__":
    sys.stdout.write(schema_text())
