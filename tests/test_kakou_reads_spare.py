"""A spare of the endpoint has loaded what serving takes before cameras wait for it."""

import subprocess
import sys
from pathlib import Path

from kakou.box.processes import new_order
from tests.code_kit import ROOT
from tests.reads_kit import reads_settings

LATER = """
import sys, threading
from kakou.box.orders import Order
from kakou.box.reads import make_ready, serve
order = Order.model_validate_json(sys.stdin.buffer.read())
if sys.argv[1] == "spare":
    make_ready(order)
loaded, stop = set(sys.modules), threading.Event()
stop.set()
serve(order.settings, stop)
print(*sorted(set(sys.modules) - loaded))
"""


def loaded_later(folder: Path, kind: str) -> set[str]:
    order = new_order(reads_settings(folder), "").to_bytes()
    command = [sys.executable, "-c", LATER, kind]
    done = subprocess.run(command, input=order, capture_output=True, check=True, cwd=ROOT)
    return set(done.stdout.decode().split())


def test_a_spare_has_loaded_the_server_before_its_turn(tmp_path: Path):
    assert {"uvicorn.lifespan.off", "uvloop"} < loaded_later(tmp_path, "first")
    assert not {one for one in loaded_later(tmp_path, "spare") if one.startswith(("uv", "kakou", "pipeline", "alerts"))}
