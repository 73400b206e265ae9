"""Numbers that README and docs state are those of the settings and constants."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import pytest
from pydantic import BaseModel

from alerts.delivery.schedule import LONGEST_PAUSE_S, RETRY_DELAYS_S
from kakou.settings import Settings
from pipeline.video.sources import LOST_S

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted(set((ROOT / "docs").glob("*.md")) - {ROOT / "docs" / "kakou.toml.md"})]
SECONDS = {"s": 1, "min": 60, "minutes": 60, "h": 3600, "hours": 3600, "day": 86400, "days": 86400}
STATED = re.compile(r"`(?:\[\w+\] )?(?:\w+\.)*(\w+_(s|min|minutes|h|hours|days))`[ \n]\((\d+)[  ](\w+)\)")
"""A setting and its value behind it: `stall_timeout_s` (10 s)."""
DEFAULTS = Settings()
CONSOLE, RISK, PIPELINE = DEFAULTS.console, DEFAULTS.risk, DEFAULTS.pipeline
SAID = (
    ("operations", "no report for {} s", CONSOLE.stale_status_s),
    ("operations", "older than {} min", CONSOLE.stale_list_s / 60),
    ("operations", "screens on for {} h", RISK.alone_for_s / 3600),
    ("operations", "shown, kept for {} h", PIPELINE.spool_hours),
    ("console", "silent for {} s", CONSOLE.stale_status_s),
    ("console", "look {} s,", CONSOLE.confirm_timeout_s),
    ("console", "accept {} min,", CONSOLE.accept_timeout_s / 60),
    ("console", "first contact {} min,", CONSOLE.contact_timeout_s / 60),
    ("console", "close {} h.", CONSOLE.close_timeout_s / 3600),
    ("console", "same vehicle within {} minutes", CONSOLE.attach_minutes),
    ("console", "erased after {} days", CONSOLE.evidence_days),
    ("design", "heartbeat older than {} s", RISK.stale_after_s),
    ("design", "it goes on for {} h", RISK.alone_for_s / 3600),
    ("design", "every {} minutes at the latest", RISK.reconcile_every_s / 60),
    ("design", "elsewhere `issued_share`, {}.", RISK.issued_share),
    ("design", "encrypted, at most {} h", PIPELINE.spool_hours),
    ("replay", "of more than {} s it ends what was in view", LOST_S),
    ("events", "1 s, 2 s ... {} s", LONGEST_PAUSE_S),
    (
        "events",
        "5 s, 5 min, 30 min, 2 h, 5 h, 10 h, 14 h, 20 h and 24 h",
        (5, 300, 1800, *(hours * 3600 for hours in (2, 5, 10, 14, 20, 24))) == RETRY_DELAYS_S,
    ),
)
"""What a page says without naming a setting: its words, and the number that belongs into them."""


def numbers_of(model: type[BaseModel]) -> Iterator[tuple[str, float]]:
    """Yield name and default of every number in a settings model and those below it."""
    for name, field in model.model_fields.items():
        for one in (field.annotation, *get_args(field.annotation)):
            if isinstance(one, type) and issubclass(one, BaseModel):
                yield from numbers_of(one)
        if isinstance(field.default, int | float):
            yield name, field.default


def stated() -> list[tuple[str, str, float]]:
    """Return page, setting and value, in the setting's own unit, of every value that stands behind its setting."""
    return [
        (page.name, name, int(value) * SECONDS[unit] / SECONDS[own_unit])
        for page in PAGES
        for name, own_unit, value, unit in STATED.findall(page.read_text(encoding="utf-8"))
    ]


def test_a_value_behind_a_setting_is_its_default():
    defaults = set(numbers_of(Settings))
    assert len(stated()) >= 6
    assert [one for one in stated() if one[1:] not in defaults] == []


@pytest.mark.parametrize(("page", "words", "value"), SAID)
def test_a_number_in_prose_is_that_of_the_code(page: str, words: str, value: float | bool):
    text = " ".join((ROOT / "docs" / f"{page}.md").read_text(encoding="utf-8").split())
    assert value is not False
    assert words.format(f"{value:g}") in text
