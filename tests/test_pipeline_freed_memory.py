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
