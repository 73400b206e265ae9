"""A permit as it is shown at a passage: beside clear or hit, never instead of it."""

import json
from collections.abc import Sequence

from riskdb.types import Permit

PERMIT_CLASS = "\x01permit"
"""What stands for the plate class in the digest of a permit's plate: no digest of the list is one of a permit."""


def permit_words(permits: Sequence[Permit], checkpoint: str, now: float) -> str:
    """Return what people at a checkpoint should know of a vehicle's permits; empty where it has none."""
    if not permits:
        return ""
    valid = [permit for permit in permits if permit.is_valid_at(now)]
    if len(valid) > 1:
        return f"通行证重复：有 {len(valid)} 张同时有效（{'、'.join(permit.serial for permit in valid)}），请核验原件"
    if not valid:
        last = max(permits, key=lambda permit: permit.valid_until)
        return f"通行证{'未到生效时间' if now < last.valid_from else '已过期'}（{last.serial}）"
    permit = valid[0]
    about = "，".join(part for part in (permit.goods, permit.route, permit.issuer) if part)
    if not permit.leads_through(checkpoint):
        return f"持通行证，但不在路线上：应经 {'、'.join(permit.stops)}（{permit.serial}，{about}）"
    return f"持有效通行证（{permit.serial}，{about}）"


def permits_of_json(text: bytes) -> tuple[Permit, ...]:
    """Return the permits in a value of Redis; none where it is damaged: a permit decides nothing."""
    try:
        return tuple(Permit.of_json(document) for document in json.loads(text))
    except (ValueError, TypeError, RecursionError):
        return ()
