"""A box and its cameras for `bench.cameras`: the RTSP server and `kakou run`, each in processes of its own."""

import contextlib
import json
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType
from typing import TypedDict

import psutil

from alerts.box_status import BoxStatus, StatusBoard
from alerts.entries import StreamEntry
from alerts.flagged import FlaggedEvent
from alerts.stream import FlaggedStream, connect
from bench.fault_rig import ROOT, free_port
from bench.process_usage import Sample, processes_below, usage_of
from fixtures.make_risk_list import write_risk_list
from kakou.settings import load_settings
from kakou.wiring.redis import open_redis
from kakou.wiring.risk import open_keeper, tended_list
from pipeline.parent_death import die_with_parent
from riskdb.record.declaring import read_declarations
from riskdb.record.travel import read_travel_rows

SYSTEM_PYTHON = "/usr/bin/python3"
SERVER = Path(__file__).with_name("camera_server.py")
IS_THERE = "the camera is there"
IS_LOST = "the camera is lost"
SAMPLE_EVERY_S = 2.0
MIB = 1024.0
"""In KiB."""


class CameraServer:
    """GStreamer's RTSP server, which can be killed, frozen and started again with other clips."""

    def __init__(self, clips: Mapping[str, Path]) -> None:
        self.clips = dict(clips)
        self._port = free_port()
        self._process: subprocess.Popen[str] | None = None

    def url(self, name: str) -> str:
        return f"rtsp://127.0.0.1:{self._port}/{name}"

    def start(self, *options: str) -> None:
        clips = [f"{name}={path}" for name, path in self.clips.items()]
        command = [SYSTEM_PYTHON, str(SERVER), *options, str(self._port), *clips]
        self._process = subprocess.Popen(
            command, stdout=subprocess.PIPE, text=True, preexec_fn=lambda: die_with_parent(signal.SIGKILL)
        )
        if self._process.stdout is None or self._process.stdout.readline() != "ready\n":
            raise RuntimeError(f"no GStreamer RTSP server: {SYSTEM_PYTHON} {SERVER} says why")

    def send(self, number: signal.Signals) -> None:
        if self._process is not None:
            self._process.send_signal(number)

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    @property
    def cpu_s(self) -> float:
        return 0.0 if self._process is None else usage_of(psutil.Process(self._process.pid)).cpu_s


class PassageLine(TypedDict):
    """What a line of JSON of `kakou run` has of a passage, as far as it is looked at here."""

    camera_id: str
    text: str
    listed_text: str
    outcome: str
    started_at: str
    decided_at: str


@dataclass
class RunningBox:
    """`kakou run` on some cameras, and what it said."""

    process: subprocess.Popen[str]
    passages: list[PassageLine] = field(default_factory=list)
    log: list[tuple[float, str]] = field(default_factory=list)
    """Monotonic seconds, line."""
    statuses: list[BoxStatus] = field(default_factory=list)
    samples: list[Sample] = field(default_factory=list)
    on_stream_ms: list[float] = field(default_factory=list)
    """From an event's decision until a consumer of the stream had it."""
    closing: threading.Event = field(default_factory=threading.Event)

    def said(self, words: str, since_s: float = 0.0) -> list[float]:
        """Return when the box's log said this."""
        return [at_s for at_s, line in list(self.log) if words in line and at_s >= since_s]

    def await_said(self, words: str, count: int, timeout_s: float, since_s: float = 0.0) -> float:
        """Return when it was said for the `count`th time. Raises TimeoutError."""
        until_s = time.monotonic() + timeout_s
        while len(self.said(words, since_s)) < count:
            if time.monotonic() > until_s or self.process.poll() is not None:
                last = "\n".join(line for _, line in self.log[-20:])
                raise TimeoutError(f"the box did not say {words!r} {count} times within {timeout_s:g} s:\n{last}")
            self.closing.wait(0.05)
        return self.said(words, since_s)[count - 1]

    def proportional_mib(self) -> dict[str, float]:
        """Return the memory by what its processes run, what they share counted once (PSS of proc(5))."""
        mib: dict[str, float] = {}
        for pid, (what, _) in processes_below(self.process.pid).items():
            with contextlib.suppress(psutil.Error):
                own = psutil.Process(pid).memory_full_info().pss / 2**20
                name = what.rpartition(".")[2]
                mib[name] = mib.get(name, 0.0) + own
        return mib

    def sample(self) -> Sample:
        now = Sample(time.monotonic(), processes_below(self.process.pid))
        self.samples.append(now)
        return now

    def cpu_s(self) -> float:
        """Return the CPU time of all its processes, those that have ended (and been waited for) included."""
        total = 0.0
        for pid in processes_below(self.process.pid):
            with contextlib.suppress(psutil.Error):
                times = psutil.Process(pid).cpu_times()
                total += times.user + times.system + times.children_user + times.children_system
        return total


@contextlib.contextmanager
def running_box(
    folder: Path,
    cameras: Mapping[str, str],
    pipeline: str = "",
    group: str = "",
    sub_streams: Mapping[str, str] = MappingProxyType({}),
) -> Iterator[RunningBox]:
    """Run a box on cameras (id: address) with the fixtures' risk list; `pipeline`: lines of that table."""
    config = folder / "kakou.toml"
    base = folder / "base.toml"
    base.write_text(f'state_dir = "{folder}/centre"\n', encoding="utf-8")
    settings = load_settings(base)
    with contextlib.ExitStack() as closing:
        url = closing.enter_context(open_redis(settings))
        travel_records, areas = write_risk_list(folder, datetime.now(UTC))
        with open_keeper(settings, url) as keeper:
            keeper.declare(read_declarations(areas, settings.risk.utc_offset_hours))
            keeper.import_rows(read_travel_rows(travel_records))
        closing.enter_context(tended_list(settings, url, lambda _: None))
        key = settings.state_dir / "plate.key"
        lines = [f'state_dir = "{folder}/box"', f'redis_url = "{url}"', "[pipeline]", pipeline]
        lines += _source_lines(cameras, group, sub_streams)
        config.write_text("\n".join(lines), encoding="utf-8")
        box_state = folder / "box"
        box_state.mkdir(mode=0o700)
        (box_state / "plate.key").write_bytes(key.read_bytes())
        (box_state / "plate.key").chmod(0o600)
        box = RunningBox(_start(config))
        client = closing.enter_context(contextlib.closing(connect(url)))
        threads = [
            threading.Thread(target=_read_passages, args=(box,), daemon=True),
            threading.Thread(target=_read_log, args=(box,), daemon=True),
            threading.Thread(target=_watch, args=(box, StatusBoard(client)), daemon=True),
            threading.Thread(target=_follow, args=(box, url), daemon=True),
        ]
        for thread in threads:
            thread.start()
        try:
            yield box
        finally:
            box.closing.set()
            box.process.send_signal(signal.SIGTERM)
            try:
                box.process.wait(30)
            except subprocess.TimeoutExpired:
                box.process.kill()
            for thread in threads:
                thread.join(5)


def _source_lines(cameras: Mapping[str, str], group: str, sub_streams: Mapping[str, str]) -> Iterator[str]:
    for camera_id, address in cameras.items():
        yield from ("[[source]]", f'camera_id = "{camera_id}"', 'checkpoint = "bench"', f'uri = "{address}"')
        if group:
            yield f'group = "{group}"'
        if camera_id in sub_streams:
            yield f'sub_uri = "{sub_streams[camera_id]}"'


def _start(config: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "kakou.main", "run", "--config", str(config), "--json", "--show-clear-plates"]
    return subprocess.Popen(
        command,
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: die_with_parent(signal.SIGTERM),
    )


def _read_passages(box: RunningBox) -> None:
    for line in box.process.stdout or ():
        box.passages.append(json.loads(line))


def _read_log(box: RunningBox) -> None:
    for line in box.process.stderr or ():
        box.log.append((time.monotonic(), line.rstrip()))


def _watch(box: RunningBox, board: StatusBoard) -> None:
    while not box.closing.wait(SAMPLE_EVERY_S):
        box.statuses += board.statuses()


def _follow(box: RunningBox, url: str) -> None:
    with contextlib.closing(connect(url)) as client:
        stream = FlaggedStream(client)
        last = stream.last_id()
        while not box.closing.is_set():
            entries, last = stream.follow(last, 200)
            box.on_stream_ms += on_stream_ms(entries, datetime.now(UTC))


def on_stream_ms(entries: Sequence[StreamEntry], now: datetime) -> list[float]:
    """Return for how long the vehicles among the entries have been decided; a canary is dated when its walk began."""
    decided = [entry.event.decided_at for entry in entries if isinstance(entry.event, FlaggedEvent)]
    return [(now - each).total_seconds() * 1000 for each in decided]


def texts_by_camera(passages: Sequence[PassageLine]) -> dict[tuple[str, str], int]:
    counts: dict[tuple[str, str], int] = {}
    for passage in passages:
        place = (passage["camera_id"], passage["listed_text"] or passage["text"])
        counts[place] = counts.get(place, 0) + 1
    return counts
