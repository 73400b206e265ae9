"""What a run of `bench.city` is to be: written by the bench, read by the processes that play the posts."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

PLAN, BEGIN, END = "plan.json", "begin", "end"


@dataclass(frozen=True, slots=True)
class Plan:
    """A city, its traffic and how long it lasts."""

    posts: int
    lanes: int
    """Of each post; each has a camera."""
    listed: int
    """Vehicles on the list."""
    passages_per_s: float
    """Of all posts together."""
    flagged_per_s: float
    """Of them, those of vehicles on the list."""
    seconds: float
    """Of traffic."""
    quiet_s: float
    """Before it: the cameras only report."""
    processes: int
    """That play the posts, each with a replica of the list."""
    screens: int
    step_every_s: float
    """A person at the desk takes a step of a case so often."""
    is_list_apart: bool = True
    """The list has a Redis of its own at the centre, which is what boxes copy."""

    @property
    def cameras(self) -> int:
        return self.posts * self.lanes

    def posts_of(self, number: int) -> range:
        """Return the posts of one process."""
        return range(number, self.posts, self.processes)

    def write(self, folder: Path) -> None:
        (folder / PLAN).write_text(json.dumps(asdict(self)), encoding="utf-8")

    @classmethod
    def read(cls, folder: Path) -> "Plan":
        return cls(**json.loads((folder / PLAN).read_text(encoding="utf-8")))


def small(plan: Plan) -> Plan:
    """Return the form of a test: a city of some posts for half a minute, with as much traffic at each."""
    share = 12 / plan.posts
    return Plan(
        posts=12, lanes=plan.lanes, listed=10_000, passages_per_s=plan.passages_per_s * share,
        flagged_per_s=plan.flagged_per_s * share * 2, seconds=24.0, quiet_s=6.0, processes=1, screens=4,
        step_every_s=1.0, is_list_apart=plan.is_list_apart,
    )  # fmt: skip


def checkpoint_of(post: int) -> str:
    return f"{post + 1:04}号卡口"


def camera_of(post: int, lane: int) -> str:
    return f"cam-{post + 1:04}-{lane + 1}"
