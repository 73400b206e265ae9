"""Invented flagged events for tests and fault benches."""

from datetime import UTC, datetime, timedelta

from alerts.flagged import FlaggedEvent, event_from_match
from riskdb.types import Alternative, RiskMatch, RiskReason

NOON = datetime(2026, 11, 24, 4, 0, tzinfo=UTC)
ID_KEY = b"invented key of the tests, 32 b."
INVENTED_PLATE = "鲁B1Q2W3"


def event(
    number: int = 0, *, camera_id: str = "cam-1", checkpoint: str = "东门卡口", level: str = "hit"
) -> FlaggedEvent:
    """Return the event of the passage `number`: passages of one camera are one second apart."""
    started_at = NOON + timedelta(seconds=number)
    return event_from_match(
        match(level=level),
        camera_id=camera_id,
        checkpoint=checkpoint,
        confidence=0.9,
        char_probs=(0.99, 0.99, 0.98, 0.9, 0.97, 0.99, 0.95),
        models={"recogniser": "0" * 64},
        captured_at=started_at + timedelta(milliseconds=400),
        started_at=started_at,
        arrived_at=started_at + timedelta(milliseconds=450),
        decided_at=started_at + timedelta(milliseconds=900),
        id_key=ID_KEY,
        plate_picture="2026-11-24/plate.jpg",
        vehicle_picture="2026-11-24/vehicle.jpg",
    )


def events(count: int) -> list[FlaggedEvent]:
    return [event(number) for number in range(count)]


def match(text: str = INVENTED_PLATE, level: str = "hit") -> RiskMatch:
    return RiskMatch(
        level="hit" if level == "hit" else "possible",
        probability=0.93,
        text=text,
        plate_class="02",
        reasons=(_reason(),),
        alternatives=(Alternative(text, "02", 0.9, True), Alternative("鲁B1Z2W3", "02", 0.05, False)),
        why="识别与名单一致，第4位 Q：0.95",
        list_version=7,
    )


def _reason() -> RiskReason:
    return RiskReason(
        area="370211-001",
        area_name="某街道",
        level="high",
        visited_from=NOON - timedelta(days=3),
        visited_until=NOON - timedelta(days=2),
        declared_from=NOON - timedelta(days=5),
        declared_until=None,
        source="test",
        expires_at=NOON + timedelta(days=9),
    )
