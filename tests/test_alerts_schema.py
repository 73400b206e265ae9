import json
from pathlib import Path

from alerts.channels.payload import envelope_of
from alerts.flagged import FlaggedEvent, FlaggedNotice
from alerts.schema import document_of, schema_text
from tests.alerts_kit import event

PUBLISHED = Path(__file__).parents[1] / "docs" / "events.schema.json"


def test_the_published_schema_is_that_of_the_code():
    assert PUBLISHED.read_text(encoding="utf-8") == schema_text(), (
        "run: python -m alerts.schema > docs/events.schema.json"
    )


def test_what_is_sent_fits_the_published_schema():
    document_of(FlaggedEvent).model_validate_json(envelope_of(event(), full_payload=True, link_base=""))
    document_of(FlaggedNotice).model_validate_json(
        envelope_of(event(), full_payload=False, link_base="https://console.example")
    )


def test_a_notice_has_no_field_for_a_plate():
    notice = json.loads(envelope_of(event(), full_payload=False, link_base=""))["data"]
    assert set(notice) == {"event_id", "checkpoint", "level", "captured_at", "link"}
