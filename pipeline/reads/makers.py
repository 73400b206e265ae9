"""Finds the adapters: every file of this folder that defines `ADAPTER` is one, and its name is its maker."""

import functools
import importlib
import pkgutil
from types import ModuleType

import pipeline.reads
from pipeline.reads.adapter import Adapter


def adapter_of(maker: str) -> Adapter:
    """Return the adapter of that name. Raises ValueError, which names those there are."""
    found = _in_file(maker) if maker in _files() else None
    if found is None:
        raise ValueError(
            f"没有这个厂家 {maker[:40]!r}：可用 {'、'.join(adapters())} (no such maker, known: {', '.join(adapters())})"
        )
    return found


def adapters() -> dict[str, Adapter]:
    """Return every adapter by its maker."""
    return {name: adapter for name in _files() if (adapter := _in_file(name)) is not None}


@functools.cache
def _files() -> list[str]:
    return sorted(module.name for module in pkgutil.iter_modules(pipeline.reads.__path__))


def _in_file(name: str) -> Adapter | None:
    found: Adapter | None = getattr(_module(name), "ADAPTER", None)
    return found


@functools.cache
def _module(name: str) -> ModuleType:
    return importlib.import_module(f"pipeline.reads.{name}")
