"""Notices of a real box and centre, from the cause to the channel and the page."""

import json
import signal
import ssl
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

import httpx
import pytest

from alerts.notices.table import BY_NAME
from tests.alerts_kit import wait_until
from tests.certificates import make_certificate
from tests.commands import start_kakou
from tests.docs_walk_officer import csrf, enter, found
from tests.rtsp_camera import free_port, require_gstreamer, rtsp_camera
from tests.test_pipeline_rtsp import clip  # noqa: F401  a fixture is used by its name

SETTINGS = """
state_dir = "var"
[pipeline]
reopen_min_s = 0.2
reopen_max_s = 0.5
[watch]
every_s = 1.0
canary_minutes = 0
[console]
port = {console}
tls_certificate = "console.pem"
tls_key = "console.pem"
[[source]]
camera_id = "lane1"
checkpoint = "东门卡口"
uri = "rtsp://127.0.0.1:{camera}/clip"
[[alerts.channel]]
name = "duty"
kind = "file"
kinds = ["notice"]
path = "told.jsonl"
"""


@contextmanager
def running(folder: Path, *words: str) -> Iterator[None]:
    """Run a command of ours until it is told to stop, or killed."""
    with (folder / f"{words[-1]}.log").open("ab") as log:
        process = start_kakou(*words, folder=folder, stdout=log.fileno(), stderr=log.fileno())
        try:
            yield
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(20)


def office(folder: Path, address: str) -> httpx.Client:
    """Return an officer who has logged in at a new console."""
    link = folder / "console.log"
    wait_until(lambda: "/setup/" in link.read_text(encoding="utf-8"), timeout_s=60, what="the console")
    trust = ssl.create_default_context(cafile=folder / "console.pem")
    headers = {"origin": address, "accept": "text/html"}
    people = [httpx.Client(base_url=address, headers=headers, verify=trust) for _ in range(2)]
    enter(people[0], found(r"(/setup/\S+)", link.read_text(encoding="utf-8")), "chief")
    account = {"username": "duty", "display_name": "值班员", "role": "officer", "csrf": csrf(people[0], "/accounts")}
    made = people[0].post("/accounts", data=account).raise_for_status().text
    enter(people[1], found(r'id="invitation">(.*?)<', made), "duty")
    people[0].close()
    return people[1]


@pytest.mark.long
def test_a_camera_that_is_not_there_is_told_by_the_channel_and_the_page_until_it_is(
    tmp_path: Path,
    clip: Path,  # noqa: F811  a fixture of another file
):
    require_gstreamer()
    camera, console = free_port(), free_port()
    make_certificate(tmp_path, "console", "127.0.0.1")
    (tmp_path / "kakou.toml").write_text(SETTINGS.format(camera=camera, console=console), encoding="utf-8")
    with ExitStack() as stack:
        for command in ("run", "console", "deliver"):
            stack.enter_context(running(tmp_path, command))
            wait_until(lambda: (tmp_path / "var" / "redis").exists(), timeout_s=60, what="Redis")
        officer = stack.enter_context(closing(office(tmp_path, f"https://127.0.0.1:{console}")))

        def is_told(notice: str, phase: str) -> Callable[[], bool]:
            def look() -> bool:
                told = tmp_path / "told.jsonl"
                lines = told.read_text(encoding="utf-8").splitlines() if told.exists() else []
                kinds = [(one["notice"], one["phase"]) for one in map(json.loads, lines)]
                page = officer.get("/notices").raise_for_status().text.split("近两天已恢复")
                title = BY_NAME[notice].title
                shown = title in page[0] if phase == "begun" else title in page[1] and title not in page[0]
                return shown and (notice, phase) in kinds

            return look

        wait_until(is_told("camera_lost", "begun"), timeout_s=60, what="a camera that is not there")
        with rtsp_camera(clip, camera):
            wait_until(is_told("camera_lost", "ended"), timeout_s=60, what="the camera's first picture")
