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
