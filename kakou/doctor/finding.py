"""What one check found."""

import sqlite3
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Literal, TypeAlias

import redis

from alerts.errors import AlertsError
from kakou.doctor.fault_words import REDIS, in_words
from kakou.settings import SettingsError
from kakou.sunset.state import SunsetError
from kakou.wiring.embedded_redis import RedisUnavailableError
from ocr.types import OcrError
from pipeline.errors import SourceError
from riskdb.system_words import system_words
from riskdb.types import RiskDBError

Verdict: TypeAlias = Literal["ok", "warn", "bad"]
MARKS: dict[Verdict, str] = {"ok": "✓ 正常", "warn": "! 注意", "bad": "✗ 异常"}
CANNOT_CHECK = (
    OcrError, RiskDBError, AlertsError, SunsetError, SourceError, SettingsError, RedisUnavailableError,
    redis.RedisError, sqlite3.Error, OSError, ValueError,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Finding:
    """The result of one check."""

    check: str
    verdict: Verdict
    says: str
    to_do: str = ""
    """What to do about it; "" where nothing is."""

    @property
    def is_ok(self) -> bool:
        return self.verdict != "bad"

    def as_json(self) -> dict[str, object]:
        return {**asdict(self), "is_ok": self.is_ok}


Told: TypeAlias = tuple[Verdict, str, str]
"""Verdict, what was found, what to do."""


def ok(says: str) -> Told:
    return "ok", says, ""


def checked(name: str, check: Callable[[], Told], to_do: str = "") -> Finding:
    """Return what a check found; one that cannot be made is a finding, with `to_do`."""
    try:
        return Finding(name, *check())
    except CANNOT_CHECK as error:
        words = in_words(system_words(error) or type(error).__name__, REDIS, to_do)
        return Finding(name, "bad", words.says, words.to_do)
