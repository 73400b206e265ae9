"""Who works without a break goes farther behind the others while it gets enough of a core, and comes back."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.commands import REPOSITORY

PROGRAM = """
import json, os, time
from pathlib import Path
from kakou.process import Standing

def priority():
    return int(Path("/proc/self/autogroup").read_text().split()[-1])

Path("/proc/self/autogroup").write_text("5")
looks = ((0.6, 0), (0.3, 1), (0.5, 1), (0.3, 1), (0.1, 1), (0.9, 1), (0.9, 1), (0.9, 0))
standing, at_s, used_s, found = Standing(0.0, 0.0), 0.0, 0.0, []
for share, has_too_much in looks:
    step_s = 61.0 if len(found) == 6 else 0.5
    at_s, used_s = at_s + step_s, used_s + step_s * share
    time.sleep(0.15)  # Linux takes ten moves a second
    standing.look(at_s, used_s, has_too_much=has_too_much)
    found.append(priority())
print(json.dumps(found))
"""


@pytest.mark.skipif(not Path("/proc/self/autogroup").exists(), reason="no sessions here that cores are shared among")
def test_it_goes_back_while_there_is_too_much_and_it_gets_enough_and_comes_back_where_it_does_not():
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], cwd=REPOSITORY, capture_output=True, text=True, check=False,
        start_new_session=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == [5, 5, 10, 10, 5, 5, 10, 5]
