"""A decoder's memory is what it needs now, not what its largest moment took."""

import subprocess
import sys

import pytest

PICTURE = 6 * 2**20
MEASURE = f"""
from pathlib import Path
from pipeline.freed_memory import return_freed_memory

def resident():
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096

{{call}}
kept = []
before = resident()
for _ in range(3):
    picture = bytearray({PICTURE})
    kept.append([bytes(700) for _ in range(50)])  # small things come to lie behind it
    del picture
print(resident() - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="/proc/self/statm is Linux's")
def test_the_memory_of_a_picture_is_the_systems_again_once_it_is_gone() -> None:
    def left(call: str) -> int:
        code = MEASURE.format(call=call)
        return int(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout)

    assert left("return_freed_memory()") < PICTURE / 4


CANARIES = """
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
import numpy as np
from kakou.box.canary import send_canary
from ocr.models_folder import shipped_models
from ocr.reader import PlateReader

def resident():
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096

def send(now):
    PlateReader.from_models(shipped_models()).read(np.full((720, 1280, 3), 90, np.uint8))
    return now

walk, outbox = SimpleNamespace(send=send), SimpleNamespace(last_seq=lambda: 0)
before = resident()
for _ in range(3):
    send_canary(walk, outbox, lambda: datetime.now(UTC))
print(resident() - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="/proc/self/statm is Linux's")
def test_a_canary_leaves_little_of_what_its_reading_took() -> None:
    """The process rests for ten minutes after each."""
    took = subprocess.run([sys.executable, "-c", CANARIES], capture_output=True, text=True, check=True).stdout
    assert int(took) < 40 * 2**20


FREED_BETWEEN = """
import time
from pathlib import Path
from kakou.process import beside
from pipeline.freed_memory import give_back_now_and_then

def resident():
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096

before = resident()
many = [bytes(2000) for _ in range(20_000)]
many[:-1] = [b""] * 19_999  # what is kept lies behind them
with beside(lambda stop: give_back_now_and_then(stop, 0.05), "memory"):
    until = time.monotonic() + 10
    while resident() - before > 10 * 2**20 and time.monotonic() < until:
        time.sleep(0.05)
print(resident() - before, len(many[-1]))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="/proc/self/statm is Linux's")
def test_a_process_that_works_on_gives_back_what_it_freed_below_what_it_keeps() -> None:
    """Of 40 MB the last thing is kept: malloc by itself gives back only what lies behind it."""
    said = subprocess.run([sys.executable, "-c", FREED_BETWEEN], capture_output=True, text=True, check=True).stdout
    left, kept = map(int, said.split())
    assert kept == 2000
    assert left < 10 * 2**20
