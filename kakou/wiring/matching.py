"""Builds what asks the risk list, from the settings: no record and no keeper is needed to match."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from kakou.settings import Settings
from kakou.sunset.state import SunsetWatch
from kakou.wiring.clock import trusted_clock
from riskdb.digest import load_or_create_key
from riskdb.hotset.hotset import HotSet
from riskdb.hotset.redis_link import RedisLink
from riskdb.match import MatchRule, match_plate
from riskdb.types import Hypothesis, ListedReasons, Permit, RiskMatch


def key_path(settings: Settings) -> Path:
    return settings.state_dir / "plate.key"


def open_hot_set(settings: Settings, url: str) -> HotSet:
    """Return a reader of the list in the Redis at `url`, or at `[risk] list_url` where that is set; one thread only.

    Raises RiskDBError.
    """
    sunset_watch(settings).require_open()
    link = RedisLink(settings.risk.list_url or url, settings.risk.timeout_s, settings.risk.connect_timeout_s)
    clock = trusted_clock(settings, is_keeping=False)
    return HotSet(link, lambda: load_or_create_key(key_path(settings)), settings.risk, clock)


class ListMatcher:
    """The match as the walk takes it; one thread only."""

    def __init__(self, hot_set: HotSet, rule: MatchRule, sunset: SunsetWatch) -> None:
        self._hot_set = hot_set
        self._rule = rule
        self._sunset = sunset
        self._answer: ListedReasons | None = None

    def __call__(self, hypotheses: Sequence[Hypothesis], now: datetime) -> RiskMatch | None:
        """Raises RiskDBError, SunsetError."""
        self._sunset.require_open()
        self._answer = None
        return match_plate(hypotheses, self, self._rule, now)

    def reasons_of(self, plates: Sequence[tuple[str, str]], now: datetime) -> ListedReasons:
        self._answer = self._hot_set.reasons_of(plates, now)
        return self._answer

    def permits(self) -> tuple[Permit, ...]:
        """Return the permits that came with the last answer, of its most probable reading."""
        return self._answer.permits if self._answer else ()


def make_matcher(settings: Settings, url: str) -> ListMatcher:
    return ListMatcher(open_hot_set(settings, url), MatchRule.of(settings.risk), sunset_watch(settings))


def sunset_watch(settings: Settings) -> SunsetWatch:
    return SunsetWatch(settings.state_dir, lambda: datetime.now(UTC))
