"""Builds what asks the risk list, from the settings: no record and no keeper is needed to match."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from kakou.settings import Settings
from kakou.sunset.state import SunsetWatch
from kakou.wiring.clock import trusted_clock
from riskdb.digest import load_or_create_key
from riskdb.hotset.hotset import HotSet
from riskdb.hotset.redis_link import RedisLink
from riskdb.match import MatchRule, match_plate
from riskdb.types import Hypothesis, RiskMatch

Matcher = Callable[[Sequence[Hypothesis], datetime], RiskMatch | None]


def key_path(settings: Settings) -> Path:
    return settings.state_dir / "plate.key"


def open_hot_set(settings: Settings, url: str) -> HotSet:
    """Return a reader of the list in the Redis at `url`; one thread only. Raises RiskDBError."""
    sunset_watch(settings).require_open()
    link = RedisLink(url, settings.risk.timeout_s, settings.risk.connect_timeout_s)
    clock = trusted_clock(settings, is_keeping=False)
    return HotSet(link, lambda: load_or_create_key(key_path(settings)), settings.risk, clock)


def make_matcher(settings: Settings, url: str) -> Matcher:
    """Return the match as the walk takes it; one thread only. The matcher raises RiskDBError, SunsetError too."""
    hot_set = open_hot_set(settings, url)
    rule, sunset = MatchRule.of(settings.risk), sunset_watch(settings)

    def match(hypotheses: Sequence[Hypothesis], now: datetime) -> RiskMatch | None:
        sunset.require_open()
        return match_plate(hypotheses, hot_set, rule, now)

    return match


def sunset_watch(settings: Settings) -> SunsetWatch:
    return SunsetWatch(settings.state_dir, lambda: datetime.now(UTC))
