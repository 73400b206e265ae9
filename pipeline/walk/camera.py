"""One camera from its source to its passages, and several cameras in one process."""

import contextlib
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from pipeline.errors import SourceError
from pipeline.settings import PipelineSettings, SourceSettings
from pipeline.types import InView, Passage, Reader
from pipeline.video.nursery import Nursery
from pipeline.video.sources import watch_frames
from pipeline.walk.deciding import Screening
from pipeline.walk.read_quality import ReadQuality
from pipeline.walk.screening import screen
from pipeline.walk.turned import TurnWatch


@dataclass(frozen=True, slots=True)
class CameraParts:
    """What one camera's walk is built of."""

    reader: Reader
    """The camera's own, or one that several cameras share and that takes calls from several threads."""
    screening: Screening
    in_view: InView = field(default_factory=InView)
    """Kept up to date by the walk, for a reader that must know who needs it most."""


def screen_source(
    source: SourceSettings,
    settings: PipelineSettings,
    parts: CameraParts,
    stop: threading.Event | None = None,
    nursery: Nursery | None = None,
) -> Iterator[Passage]:
    """Yield the source's passages; when `stop` is set, those that are still in view are decided and yielded too.

    Raises SourceError when a file or folder cannot be opened, OutboxError when an event cannot be kept.
    """
    frames = watch_frames(source, settings, parts.screening.counts, stop, nursery)
    counts = parts.screening.counts
    reader = TurnWatch(parts.reader, counts, settings.quality_hold_s) if source.is_live else parts.reader
    judged = ReadQuality(counts).judged if source.is_live else iter
    return screen(frames, reader, settings.track, parts.screening, in_view=parts.in_view, between=judged)


def screen_group(
    sources: Sequence[SourceSettings],
    settings: PipelineSettings,
    build_parts: Callable[[SourceSettings], CameraParts],
    take: Callable[[SourceSettings, Passage], None],
    stop: threading.Event,
) -> dict[str, Exception]:
    """Screen several sources at once, a thread each, until all have ended; return what failed, by camera.

    `build_parts` runs in the source's own thread; `take` is called there too, once for every passage. A source that
    cannot be opened does not stop the others; any other failure sets `stop` for all.
    """
    failures: dict[str, Exception] = {}

    def walk(source: SourceSettings, nursery: Nursery | None) -> None:
        try:
            for passage in screen_source(source, settings, build_parts(source), stop, nursery):
                take(source, passage)
        except SourceError as error:
            failures[source.camera_id] = error
        except Exception as error:  # noqa: BLE001  the outermost loop of a camera: its process ends and is started anew
            failures[source.camera_id] = error
            stop.set()

    is_worth_it = len(sources) > 1 or any(source.is_live for source in sources)
    with Nursery() if is_worth_it else contextlib.nullcontext() as nursery:
        threads = [threading.Thread(target=walk, args=(each, nursery), name=each.camera_id) for each in sources]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    return failures
