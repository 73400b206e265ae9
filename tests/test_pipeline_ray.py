"""A replay on a Ray cluster loses no unit when a worker is lost, or a whole machine."""

import dataclasses
import os
import signal
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path
from threading import Event
from types import ModuleType, SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from ocr.types import BgrImage, PlateRead
from pipeline.errors import SourceError
from pipeline.replay.engine import BuildParts, UnitTask
from pipeline.replay.ray_engine import MAX_FAILURES, RayEngine, RayWorker
from pipeline.replay.records import ListRecord, RunRecord, UnitResult, jsonl_lines
from pipeline.replay.units import ReplayUnit
from pipeline.replay.worker import ReplayParts
from tests.pipeline_kit import NOON, write_video
from tests.replay_kit import BLUE, YELLOW, ColorReader, build_parts, near, street_with

COUNT = 6
RUN = RunRecord(
    models={"recogniser": "0" * 64},
    settings="1" * 64,
    risk_list=ListRecord(described="now", entry_count=1, digest="2" * 32),
    videos=COUNT,
)


@pytest.fixture(scope="module")
def tasks(tmp_path_factory: pytest.TempPathFactory) -> list[UnitTask]:
    folder = tmp_path_factory.mktemp("footage")
    found = []
    for number in range(COUNT):
        path = folder / f"{number}.avi"
        write_video(path, street_with(YELLOW if number == 2 else BLUE))
        found.append(UnitTask(ReplayUnit(path, path.name, NOON, 0.0, None), f"mark-{number}"))
    return found


class LostError(Exception):
    pass


class ScriptedRay:
    """Does the work in this process; its actors are lost when the script says so."""

    exceptions = SimpleNamespace(RayActorError=LostError)

    def __init__(self, lost: dict[str, int], failing_starts: int = 0) -> None:
        """`lost`: by a unit's mark, how often whoever works on it is lost."""
        self.lost = lost
        self.failing_starts = failing_starts
        self.never: set[object] = set()

    def is_initialized(self) -> bool:
        return True

    def remote(self, **_: object) -> Any:
        def actor(of: type[RayWorker]) -> Any:
            return SimpleNamespace(remote=lambda parts: _Actor(self, of(parts)))

        return actor

    def wait(self, references: list[Any], *, num_returns: int, timeout: float) -> tuple[list[Any], list[Any]]:
        assert num_returns == 1
        assert timeout > 0
        assert references, "nothing to wait for"
        return references[:1], references[1:]

    def get(self, reference: "_Reference") -> object:
        if reference.error:
            raise LostError(reference.error)
        return reference.value


@dataclasses.dataclass(eq=False)
class _Reference:
    value: object = None
    error: str = ""


class _Actor:
    def __init__(self, ray: ScriptedRay, worker: RayWorker) -> None:
        self._ray, self._worker, self._is_lost = ray, worker, False
        self.work = SimpleNamespace(remote=self._work)
        self.is_ready = SimpleNamespace(remote=self._ready)

    def _ready(self) -> _Reference:
        if self._ray.failing_starts:
            self._ray.failing_starts -= 1
            return _Reference(error="no models here")
        return _Reference(value=True)

    def _work(self, task: UnitTask) -> _Reference:
        assert not self._is_lost, "a lost worker is given nothing more"
        if self._ray.lost.get(task.fingerprint, 0):
            self._ray.lost[task.fingerprint] -= 1
            self._is_lost = True
            return _Reference(error="gone")
        return _Reference(value=self._worker.work(task))


def told(results: Iterable[UnitResult]) -> str:
    """Return what a replay says of its units; how long each took is no part of it."""
    return "\n".join(jsonl_lines(RUN, sorted(results, key=lambda each: each.fingerprint)))


def run(ray: ScriptedRay, tasks: list[UnitTask]) -> dict[str, UnitResult]:
    engine = RayEngine(partial(build_parts, "京A12345"), 2, ray=cast("ModuleType", ray))
    results = list(engine.run(tasks, lambda *_: None, Event()))
    assert len(results) == len({each.fingerprint for each in results})
    return {each.fingerprint: each for each in results}


def test_a_unit_whose_worker_was_lost_is_done_by_another_one(tasks: list[UnitTask]):
    undisturbed = run(ScriptedRay({}), tasks)
    assert told(run(ScriptedRay({"mark-0": 1, "mark-5": 1}), tasks).values()) == told(undisturbed.values())
    assert [len(each.passages) for each in undisturbed.values()] == [1] * COUNT


def test_a_unit_that_kills_each_of_its_workers_is_given_up_and_holds_up_none(tasks: list[UnitTask]):
    results = run(ScriptedRay({"mark-2": 2}), tasks)
    assert {mark: each.video.damage for mark, each in results.items() if each.video.damage} == {
        "mark-2": "its worker process died twice"
    }


def test_workers_that_do_not_start_are_said_and_not_called_for_ever(tasks: list[UnitTask]):
    assert len(run(ScriptedRay({}, failing_starts=MAX_FAILURES - 1), tasks)) == COUNT
    with pytest.raises(SourceError, match="no models here"):
        run(ScriptedRay({}, failing_starts=99), tasks)


# --- real Ray


@pytest.fixture
def cluster() -> Iterator[Any]:
    """A cluster of two nodes with a core each, on this machine."""
    ray = pytest.importorskip("ray", reason="no Ray: .venv/bin/python -m pip install -e '.[ray]'")
    utils = pytest.importorskip("ray.cluster_utils")
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    nodes = utils.Cluster(initialize_head=True, head_node_args={"num_cpus": 1})
    nodes.second = nodes.add_node(num_cpus=1)
    root = str(Path(__file__).parents[1])
    ray.init(address=nodes.address, runtime_env={"env_vars": {"PYTHONPATH": root}}, log_to_driver=False)
    yield nodes
    ray.shutdown()
    nodes.shutdown()


class OnceDeadlyReader:
    """Kills its process once: the second worker that meets the same footage finds the mark that the first left."""

    def __init__(self, mark: Path) -> None:
        self._mark = mark

    def read(self, image: BgrImage, moved: object = None, *, follows: bool = False) -> list[PlateRead]:  # noqa: ARG002  the reader's signature
        if np.count_nonzero(near(image, YELLOW)) > 200 and not self._mark.exists():
            self._mark.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return ColorReader().read(image)


def build_deadly_parts(mark: Path) -> ReplayParts:
    return dataclasses.replace(build_parts("京A12345"), reader=OnceDeadlyReader(mark))


def on_ray(build: BuildParts, tasks: list[UnitTask], on_result: Callable[[], None] = lambda: None) -> str:
    results = []
    for result in RayEngine(build, 2).run(tasks, lambda *_: None, Event()):
        results.append(result)
        on_result()
    return told(results)


@pytest.mark.long
@pytest.mark.usefixtures("cluster")
def test_a_killed_worker_of_a_real_cluster_loses_no_unit(tasks: list[UnitTask], tmp_path: Path):
    undisturbed = run(ScriptedRay({}), tasks)
    results = on_ray(partial(build_deadly_parts, tmp_path / "killed"), tasks)
    assert (tmp_path / "killed").exists()
    assert results == told(undisturbed.values())


@pytest.mark.long
def test_a_lost_machine_of_a_real_cluster_loses_no_unit(cluster: Any, tasks: list[UnitTask]):
    undisturbed = run(ScriptedRay({}), tasks)
    gone: list[bool] = []

    def lose() -> None:
        if not gone:
            gone.append(True)
            cluster.remove_node(cluster.second, allow_graceful=False)

    results = on_ray(partial(build_parts, "京A12345"), tasks, lose)
    assert gone
    assert results == told(undisturbed.values())
