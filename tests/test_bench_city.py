"""The city of `bench.city`: what it computes is right, and its small form loses nothing."""

import json
import random
import subprocess
import sys
from pathlib import Path

import pytest

from bench.city_plan import Plan
from bench.city_province import Scale
from bench.city_tracks import free_plate, listed_plate
from bench.city_usage import Look

ROOT = Path(__file__).parents[1]
CITY = Plan(
    posts=81, lanes=4, listed=1_000_000, passages_per_s=106.0, flagged_per_s=3.0, seconds=600.0, quiet_s=60.0,
    processes=3, screens=20, step_every_s=1.0,
)  # fmt: skip


def test_every_post_is_played_by_one_process():
    assert sorted(post for number in range(CITY.processes) for post in CITY.posts_of(number)) == list(range(81))
    assert CITY.cameras == 324


def test_listed_plates_differ_and_the_others_are_none_of_them():
    listed = {listed_plate(number) for number in range(0, 3_100_000, 311)}
    assert len(listed) == len(range(0, 3_100_000, 311))
    dice = random.Random(1)
    assert not listed & {free_plate(dice) for _ in range(10_000)}


def test_what_grows_with_cameras_and_what_with_passages_are_scaled_apart():
    assert Scale(cameras=42.0, passages=1.0).of(quiet=0.1, peak=0.3) == pytest.approx(4.4)
    assert Scale(cameras=1.0, passages=1 / 43).of(quiet=0.1, peak=0.53) == pytest.approx(0.11)
    assert Scale(cameras=2.0, passages=1.0).of(quiet=0.2, peak=0.1) == pytest.approx(0.4), "noise takes nothing away"


def test_growth_is_told_a_second_and_memory_as_it_is():
    before = Look(10.0, {"redis": (1.0, 1024)}, {"redis": {"used_memory": 5, "total_net_input_bytes": 100}}, (10, 20))
    after = Look(20.0, {"redis": (3.0, 2048)}, {"redis": {"used_memory": 7, "total_net_input_bytes": 400}}, (30, 70))
    span = after.since(before)
    assert (span.cores["redis"], span.rss_mib["redis"]) == (0.2, 2.0)
    assert span.redis["redis"] == {"used_memory": 7.0, "total_net_input_bytes": 30.0}
    assert (span.from_posts, span.to_posts) == (2.0, 5.0)


@pytest.mark.long
@pytest.mark.parametrize("which", [[], ["--one-redis"]], ids=["list apart", "one redis"])
def test_a_small_city_loses_nothing(tmp_path: Path, which: list[str]):
    found = tmp_path / "found.json"
    # A process of its own: the event loop of a browser's tests is in this one.
    command = [sys.executable, "-m", "bench.city", "--small", *which, "--json", str(found)]
    subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.DEVNULL, timeout=300)
    bars = {bar["name"]: bar for bar in json.loads(found.read_text("utf-8"))["bars"]}
    # A full machine makes it late and lookups unchecked, and no more than that.
    judged = [bar for name, bar in bars.items() if "lost" in name or "doubled" in name]
    assert len(judged) == 3
    assert all(bar["is_met"] for bar in judged), judged
