"""Posts of a city in one process: `python -m bench.city_posts FOLDER NUMBER`.

What each camera does is the product's own: the decision of its tracks against a replica of the list, outbox, relay,
pictures, counters, status reports and lane passages. In place of video it has tracks of a script.
"""

import heapq
import json
import random
import resource
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from alerts.outbox import Outbox
from alerts.pictures import PictureMover, PictureShelf
from alerts.relay import CHECK_S, PATIENCE, Relay
from alerts.stream import FlaggedStream, connect
from bench.city_plan import BEGIN, END, Plan, camera_of, checkpoint_of
from bench.city_tracks import TrackMaker, free_plate
from kakou.box.reporter import STATUS_EVERY_S, CameraReporter
from kakou.process import log_to_stderr
from kakou.settings import Settings, load_settings
from kakou.wiring.box import Box
from pipeline.types import Passage, ScreeningCounts
from pipeline.walk.deciding import Decider, PassageRule

PICTURES_EVERY_S = 0.5


@dataclass(slots=True)
class Camera:
    """One lane of a post."""

    camera_id: str
    decider: Decider
    reporter: CameraReporter
    counts: ScreeningCounts
    tracks: int = 0


@dataclass(slots=True)
class Post:
    """A box and its cameras."""

    outbox: Outbox
    relay: Relay
    pictures: PictureMover
    cameras: list[Camera]
    checked_s: float = 0.0
    moved_s: float = 0.0

    def turn(self, now_s: float) -> None:
        """Do what the box's own threads do: relay what waits, ask after what was sent, send pictures."""
        waits = self.outbox.last_seq() > self.outbox.sent_seq()
        if waits or now_s - self.checked_s >= CHECK_S:
            self.checked_s = now_s
            self.relay.step()
        if now_s - self.moved_s >= PICTURES_EVERY_S:
            self.moved_s = now_s
            self.pictures.step(datetime.now(UTC))


@dataclass(slots=True)
class Notes:
    """What this process saw."""

    begun_s: dict[str, float] = field(default_factory=dict)
    """By flagged plate: when its passage was to be decided, on the clock that all processes share."""
    event_ids: list[str] = field(default_factory=list)
    outcomes: Counter[str] = field(default_factory=Counter)
    wrong: int = 0
    """Listed vehicles that were not flagged, and others that were."""
    late_s: float = 0.0
    """The most that a passage came behind its time: this machine did not keep up with the script."""
    reports: int = 0
    reports_late_s: float = 0.0

    def write(self, path: Path, posts: list[Post]) -> None:
        counted = Counter[str]()
        for camera in (camera for post in posts for camera in post.cameras):
            counts = camera.counts
            counted.update(clear=counts.clear, flagged=counts.flagged, unchecked=counts.unchecked)
        said = {
            "begun_s": self.begun_s, "event_ids": self.event_ids, "outcomes": self.outcomes, "counted": counted,
            "wrong": self.wrong, "late_s": self.late_s, "reports": self.reports,
            "reports_late_s": self.reports_late_s, "pending": sum(post.outbox.pending_count() for post in posts),
        }  # fmt: skip
        partial = path.with_suffix(".part")
        partial.write_text(json.dumps(said, ensure_ascii=False), encoding="utf-8")
        partial.rename(path)


def main() -> None:
    folder, number = Path(sys.argv[1]), int(sys.argv[2])
    log_to_stderr()
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))  # some ten files and connections for each camera
    plan, notes = Plan.read(folder), Notes()
    with ExitStack() as stack:
        posts = list(_posts(folder, plan, number, stack))
        stop = threading.Event()
        jobs = [threading.Thread(target=job, args=(posts, notes, stop)) for job in (_report, _move)]
        for job in jobs:
            job.start()
        try:
            (folder / f"ready-{number}").touch()
            _drive(folder, plan, number, posts, notes)
            _wait_for(folder / END)
        finally:
            stop.set()
            for job in jobs:
                job.join()
        _finish(posts)
        notes.write(folder / f"posts-{number}.json", posts)


def _posts(folder: Path, plan: Plan, number: int, stack: ExitStack) -> Iterator[Post]:
    settings = load_settings(folder / f"posts-{number}.toml")
    assert settings.redis_url is not None
    box = Box.build(settings, settings.redis_url)
    client = stack.enter_context(closing(connect(box.stream_url)))
    for post in plan.posts_of(number):
        own = settings.model_copy(update={"state_dir": settings.state_dir / f"{post:04}"})
        yield _post(
            replace(box, settings=own), own, post, plan.lanes, FlaggedStream(client), PictureShelf(client), stack
        )


def _post(
    box: Box, settings: Settings, post: int, lanes: int, stream: FlaggedStream, shelf: PictureShelf, stack: ExitStack
) -> Post:
    outbox = stack.enter_context(box.outbox())
    kept = timedelta(hours=settings.alerts.pictures_kept_h)
    cameras = [_camera(box, post, lane, outbox, stack) for lane in range(lanes)]
    return Post(outbox, Relay(outbox, stream), PictureMover(box.evidence_folder, shelf, kept), cameras)


@dataclass(frozen=True, slots=True)
class _Lane:
    camera_id: str
    checkpoint: str


def _camera(box: Box, post: int, lane: int, outbox: Outbox, stack: ExitStack) -> Camera:
    counts, lane_here = ScreeningCounts(), _Lane(camera_of(post, lane), checkpoint_of(post))
    screening = box.screening(lane_here.checkpoint, outbox, counts)
    decider = Decider(PassageRule.of(box.settings.pipeline.track), screening)
    reporter = stack.enter_context(closing(CameraReporter(box, lane_here, counts)))
    return Camera(lane_here.camera_id, decider, reporter, counts)


def _report(posts: list[Post], notes: Notes, stop: threading.Event) -> None:
    """Let each camera report as often as a box lets it, evenly spread."""
    start = time.monotonic()
    cameras = [(post, camera) for post in posts for camera in post.cameras]
    due = [(start + place * STATUS_EVERY_S / len(cameras), place) for place in range(len(cameras))]
    while True:
        at_s, place = due[0]
        if stop.wait(max(0.0, at_s - time.monotonic())):
            return
        post, camera = cameras[place]
        camera.counts.frames += round(25 * STATUS_EVERY_S)
        camera.reporter.report(post.outbox)
        notes.reports += 1
        late_s = time.monotonic() - at_s
        notes.reports_late_s = max(notes.reports_late_s, late_s)
        heapq.heapreplace(due, (at_s + max(STATUS_EVERY_S, late_s), place))


def _move(posts: list[Post], _notes: Notes, stop: threading.Event) -> None:
    while not stop.wait(PATIENCE.poll_s):
        for post in posts:
            post.turn(time.monotonic())


def _drive(folder: Path, plan: Plan, number: int, posts: list[Post], notes: Notes) -> None:
    """Let vehicles pass at their rate once the bench says when."""
    begin_s = float(_wait_for(folder / BEGIN))
    dice, make = random.Random(number), TrackMaker()
    listed = iter((folder / f"listed-{number}").read_text(encoding="utf-8").split())
    cameras = [camera for post in posts for camera in post.cameras]
    rate = plan.passages_per_s / plan.processes
    flagged_every = plan.passages_per_s / plan.flagged_per_s
    flagged = 0
    for count in range(int(rate * plan.seconds)):
        at_s = begin_s + count / rate
        time.sleep(max(0.0, at_s - time.monotonic()))
        notes.late_s = max(notes.late_s, time.monotonic() - at_s)
        is_listed = (count + 1) // flagged_every > flagged
        flagged += is_listed
        text = next(listed) if is_listed else free_plate(dice)
        if is_listed:
            notes.begun_s[text] = time.monotonic()
        _pass(dice.choice(cameras), make, text, notes, is_listed=is_listed)


def _pass(camera: Camera, make: TrackMaker, text: str, notes: Notes, *, is_listed: bool) -> None:
    camera.tracks += 1
    passage: Passage | None = camera.decider.decide(make.track(camera.camera_id, camera.tracks, text))
    outcome = passage.outcome if passage else "none"
    notes.outcomes[outcome] += 1
    notes.wrong += is_listed != (outcome == "flagged")
    if outcome != "flagged":
        notes.begun_s.pop(text, None)  # no screen will show it
    if passage is not None:
        camera.reporter.passed(passage)
        if passage.event is not None:
            notes.event_ids.append(passage.event.event_id)


def _wait_for(path: Path) -> str:
    while not path.exists():
        time.sleep(0.05)
    return path.read_text(encoding="utf-8")


def _finish(posts: list[Post]) -> None:
    """Send what is left, and report for the last time."""
    for post in posts:
        while post.relay.step():
            pass
        while post.pictures.step(None):
            pass
        for camera in post.cameras:
            camera.reporter.report(post.outbox)


if __name__ == "__main__":
    main()
