"""What people see of a channel: how long its queue is, since when, and how it fares."""

from dataclasses import dataclass
from typing import cast

import redis

from alerts.delivery.channel_queue import CHANNEL_KEY, DUE_KEY, GROUP_PREFIX, whole_number
from alerts.entries import id_order, raw_entries
from alerts.redis_link import DEAD_COUNT_KEY, STREAM_KEY, redis_errors
from alerts.stream import FlaggedStream, GroupState


@dataclass(frozen=True, slots=True)
class ChannelState:
    """What `kakou doctor`, `kakou deliver status` and /metrics show."""

    name: str
    waiting: int
    """Events not delivered yet: unread, under way or waiting for another try."""
    retrying: int
    oldest_ms: int | None
    """Unix ms when the oldest of them came into the stream; None when none waits."""
    delivered: int
    failed: int
    """Tries, not events."""
    dead: int
    """Given up so far, and what could not be understood; what of it still waits, `kakou events dead` shows."""
    last_success_ms: int | None
    last_failure_ms: int | None
    last_error: str
    disabled: str
    """Why the receiver is off (it said 410); empty while it is on."""


def channel_states(client: "redis.Redis", names: list[str]) -> list[ChannelState]:
    """Return the state of the named channels, and of every other that still has a group. Raises StreamError."""
    groups = {
        state.group.removeprefix(GROUP_PREFIX): state
        for state in FlaggedStream(client).groups()
        if state.group.startswith(GROUP_PREFIX)
    }
    return [_state_of(client, name, groups.get(name)) for name in dict.fromkeys([*names, *sorted(groups)])]


def _state_of(client: "redis.Redis", name: str, group: GroupState | None) -> ChannelState:
    with redis_errors(f"read the state of channel {name}"):
        stored = cast("dict[bytes, bytes]", client.hgetall(CHANNEL_KEY + name))
        dead = cast("bytes | None", client.hget(DEAD_COUNT_KEY, GROUP_PREFIX + name))
        retrying = client.zcard(DUE_KEY + name)
        oldest_ms = _oldest_ms(client, group) if group else None
    return ChannelState(
        name=name,
        waiting=group.pending + group.unread if group else 0,
        retrying=retrying,
        oldest_ms=oldest_ms,
        delivered=_number(stored, b"delivered") or 0,
        failed=_number(stored, b"failed") or 0,
        dead=whole_number(dead) or 0,
        last_success_ms=_number(stored, b"last_success_ms"),
        last_failure_ms=_number(stored, b"last_failure_ms"),
        last_error=stored.get(b"last_error", b"").decode(errors="replace"),
        disabled=stored.get(b"disabled", b"").decode(errors="replace"),
    )


def _oldest_ms(client: "redis.Redis", group: GroupState) -> int | None:
    if group.pending:
        return id_order(group.oldest_id)[0]
    unread = raw_entries(client.xrange(STREAM_KEY, min=f"({group.oldest_id}", count=1))
    return id_order(unread[0][0].decode())[0] if unread else None


def _number(stored: dict[bytes, bytes], name: bytes) -> int | None:
    return whole_number(stored.get(name))
