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
        raise ValueError(f"no such kind of channel: {str(kind)[:40]!r}, known: {', '.join(channel_kinds())}")
    return found


def channel_kinds() -> dict[str, ChannelKind]:
    """Return every kind by name; loads all of them."""
    return {name: kind for name in _files() if (kind := _in_file(name)) is not None}


def _files() -> list[str]:
    return sorted(module.name for module in pkgutil.iter_modules(alerts.channels.__path__))


def _in_file(name: object) -> ChannelKind | None:
    found = getattr(importlib.import_module(f"alerts.channels.{name}"), "CHANNEL", None)
    return found if isinstance(found, ChannelKind) else None
