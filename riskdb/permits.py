"""A permit as it is shown at a passage: beside clear or hit, never instead of it."""

from collections.abc import Sequence

from riskdb.types import Permit, PermitStanding

PERMIT_CLASS = "\x01permit"
"""What stands for the plate class in the digest of a permit's plate: no digest of the list is one of a permit."""


def permit_words(permits: Sequence[Permit], checkpoint: str, now: float) -> str:
    """Return what people at a checkpoint should know of a vehicle's permits; empty where it has none."""
    standing = permit_standing(permits, checkpoint, now)
    if standing is None:
        return ""
    valid = [permit for permit in permits if permit.is_valid_at(now)]
    if standing == "doubled":
        return f"通行证重复：有 {len(valid)} 张同时有效（{'、'.join(permit.serial for permit in valid)}），请核验原件"
    if not valid:
        return f"通行证{'未到生效时间' if standing == 'not_yet' else '已过期'}（{_last(permits).serial}）"
    permit = valid[0]
    about = "，".join(part for part in (permit.goods, permit.route, permit.issuer) if part)
    if standing == "off_route":
        return f"持通行证，但不在路线上：应经 {'、'.join(permit.stops)}（{permit.serial}，{about}）"
    return f"持有效通行证（{permit.serial}，{about}）"


def permit_standing(permits: Sequence[Permit], checkpoint: str, now: float) -> PermitStanding | None:
    """Return what a vehicle's permits come to; None where it has none."""
    if not permits:
        return None
    valid = [permit for permit in permits if permit.is_valid_at(now)]
    if len(valid) > 1:
        return "doubled"
    if valid:
        return "valid" if valid[0].leads_through(checkpoint) else "off_route"
    return "not_yet" if now < _last(permits).valid_from else "expired"


def _last(permits: Sequence[Permit]) -> Permit:
    return max(permits, key=lambda permit: permit.valid_until)
