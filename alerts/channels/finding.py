"""Finds the channels: every file beside this one that defines `CHANNEL` is one, and its name is its kind.

A kind's file is loaded when the settings name it, so nobody waits for the libraries of channels that are not used.
"""

import importlib
import pkgutil

import alerts.channels
from alerts.channels.base import ChannelKind


def channel_kind(kind: object) -> ChannelKind:
    """Return the kind of that name. Raises ValueError, which names those there are."""
    found = _in_file(kind) if kind in _files() else None
    if found is None:
        raise ValueError(_no_such_kind(kind))
    return found


def channel_kinds() -> dict[str, ChannelKind]:
    """Return every kind by name; loads all of them."""
    return {name: kind for name in _files() if (kind := _in_file(name)) is not None}


def _files() -> list[str]:
    return sorted(module.name for module in pkgutil.iter_modules(alerts.channels.__path__))


def _in_file(name: object) -> ChannelKind | None:
    found = getattr(importlib.import_module(f"alerts.channels.{name}"), "CHANNEL", None)
    return found if isinstance(found, ChannelKind) else None


def _no_such_kind(kind: object) -> str:
    if kind is None:
        return f"必须写 kind：可用 {'、'.join(channel_kinds())} (kind is required)"
    said, known = repr(str(kind)[:40]), channel_kinds()
    return f"没有这种通道 {said}：可用 {'、'.join(known)} (no such kind of channel, known: {', '.join(known)})"
