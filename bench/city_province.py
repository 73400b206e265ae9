"""From what a city was measured to use: what a province of 3,450 nodes needs. Computed, not measured.

The part of a server's work that grows with cameras is what it did while cameras only reported; what came on top at the
peak goes with passages and events. The peak that `bench.city` plays (106 passages/s) is a whole large province's, so
that part is not multiplied, only shared out.
"""

import math
from dataclasses import dataclass

from bench.city_plan import Plan
from bench.city_usage import NAMES, Span
from bench.report import Report

NODES = 3_450
"""Edge nodes on the expressways of an average province: ~100,000 in 29 provinces (KubeEdge's case study)."""
BUSY = 0.5
"""Of a machine's cores are used at the peak, no more."""
_OF_THE_LIST = ("list", "serve")
"""What cameras and passages do not make more."""
_CENTRE = ("redis", "list", "serve", "deliverer", "console")


@dataclass(frozen=True, slots=True)
class Scale:
    """How many times a city's cameras, and which share of its passages, a server has."""

    cameras: float
    passages: float

    def of(self, quiet: float, peak: float) -> float:
        return quiet * self.cameras + max(0.0, peak - quiet) * self.passages


def add_province(report: Report, plan: Plan, quiet: Span, peak: Span) -> None:
    """Add the table of machines by role: a centre for each city, and one centre for all, for comparison."""
    cities = math.ceil(NODES / plan.posts)
    in_a_city, in_one = Scale(1.0, 1.0 / cities), Scale(NODES / plan.posts, 1.0)
    table = f"{NODES:,} nodes of {plan.lanes} lanes, EXTRAPOLATED from the city above"
    for role, machines, scale in (
        (f"a centre in each of {cities} cities", cities, in_a_city),
        ("one centre for all", 1, in_one),
    ):
        centre = [part for part in _CENTRE if part in peak.cores]
        cores = {
            part: max(quiet.cores[part], peak.cores[part])
            if part in _OF_THE_LIST
            else scale.of(quiet.cores[part], peak.cores[part])
            for part in centre
        }
        report.add_row(
            table, role=role, machines=machines, cores_used_each=sum(cores.values()),
            of_them_console=cores["console"], cores_each=max(2, math.ceil(sum(cores.values()) / BUSY)),
            memory_gib_each=sum(peak.rss_mib[part] for part in centre) / 1024,
            in_mbit_s_each=_mbit(scale.of(quiet.from_posts or 0.0, peak.from_posts or 0.0)),
            copy_mbit_s_each=_copy(scale, quiet, peak),
        )  # fmt: skip
    replica = in_a_city.of(quiet.cores["replica-0"], peak.cores["replica-0"])
    report.add_row(
        table, role=f"{NAMES['replica-0']} on each node", machines=NODES, cores_used_each=replica,
        memory_gib_each=peak.rss_mib["replica-0"] / 1024, copy_mbit_s_each=_copy(in_a_city, quiet, peak),
    )  # fmt: skip
    report.add_row(
        table, role="the same, of one centre for all", machines=NODES,
        cores_used_each=in_one.of(quiet.cores["replica-0"], peak.cores["replica-0"]),
        memory_gib_each=peak.rss_mib["replica-0"] / 1024, copy_mbit_s_each=_copy(in_one, quiet, peak),
    )  # fmt: skip


def _copy(scale: Scale, quiet: Span, peak: Span) -> float:
    """Return Mbit/s of the stream that one replica copies."""
    counter = "total_net_repl_input_bytes"
    return _mbit(scale.of(quiet.redis["replica-0"][counter], peak.redis["replica-0"][counter]))


def _mbit(bytes_s: float) -> float:
    return bytes_s * 8 / 1e6
