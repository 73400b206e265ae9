"""A test of the whole way from a camera's message to the stream: its plate is invented, and found on no real list."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from riskdb.types import Hypothesis, RiskMatch, RiskReason

TRIAL_PLATE = "鲁B00000"
"""Sent by `kakou reads test`."""
WHY = "测试报文：从相机到事件流的通路畅通，不是真实车辆"


def everything_listed(hypotheses: Sequence[Hypothesis], now: datetime) -> RiskMatch | None:
    """Return a match that says of itself that it is a test."""
    best = max(hypotheses, key=lambda one: one.probability)
    reason = RiskReason(
        area="test",
        area_name="测试",
        level="medium",
        visited_from=now - timedelta(days=1),
        visited_until=now,
        declared_from=now - timedelta(days=1),
        declared_until=now,
        source="kakou reads test",
        expires_at=now,
    )
    return RiskMatch("possible", best.probability, best.text, best.plate_class, (reason,), (), WHY, 0)
