"""The hot set as a pure function of stays, declarations, the time and the rule."""

from bisect import bisect_left
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from riskdb.hotset.reasons import MAX_REASONS, PACKED, seal_reasons
from riskdb.record.areas import area_prefix
from riskdb.record.columns import Digests, VisitColumns, digests_from_bytes, digests_to_bytes, each_digest
from riskdb.record.rows import AreaWindow
from riskdb.rule import ListMoment, ListRule

FOREVER = 2**32 - 1

_REASON = np.dtype([("expires", ">u4"), ("from", ">u4"), ("until", ">u4"), ("window", ">u4"), ("source", ">u2")])
assert _REASON.itemsize == PACKED.size


@dataclass(frozen=True, slots=True)
class HotEntries:
    """The listed plates, in ascending order of digest, and the packed reasons of each."""

    digests: Digests
    packed: bytes
    """All reasons, plate after plate."""
    first_reason: NDArray[np.int64]
    """Shape (n + 1,): where the reasons of each plate begin, counted in reasons."""

    def __len__(self) -> int:
        return len(self.digests)

    def __iter__(self) -> Iterator[tuple[bytes, bytes]]:
        """Yield (digest, sealed reasons)."""
        return self.rows(0, len(self))

    def rows(self, start: int, stop: int) -> Iterator[tuple[bytes, bytes]]:
        """Yield (digest, sealed reasons) of a part."""
        raw = digests_to_bytes(self.digests[start:stop])
        bounds = (self.first_reason[start : stop + 1] * PACKED.size).tolist()
        for row in range(stop - start):
            digest = raw[row * 16 : row * 16 + 16]
            yield digest, seal_reasons(digest, self.packed[bounds[row] : bounds[row + 1]])

    def count_by_window(self) -> dict[int, int]:
        """Return how many plates the declaration behind each number lists."""
        reasons = np.frombuffer(self.packed, dtype=_REASON)
        plates = np.repeat(np.arange(len(self)), np.diff(self.first_reason))
        pairs = np.unique(np.stack([plates, reasons["window"].astype(np.int64)]), axis=1)
        numbers, counts = np.unique(pairs[1], return_counts=True)
        return dict(zip(numbers.tolist(), counts.tolist(), strict=True))

    def checksum(self) -> bytes:
        """Return the XOR of all digests: 16 bytes, the same in any order, and a change to the set changes it."""
        return digests_to_bytes(_xor(self.digests))


def compute_hot_entries(
    visits: VisitColumns,
    windows: Sequence[AreaWindow],
    area_codes: Mapping[int, str],
    rule: ListRule,
    moment: ListMoment,
) -> HotEntries:
    """Return who is listed at a moment.

    A stay counts when it overlaps a declaration that is in force then, and until the look-back after the end of
    that overlap, or the expiry after the record was received, whichever is earlier. A declaration that ran out goes
    on counting for the stays inside it; one that was lifted counts no more.
    """
    in_force = _in_force(windows, rule, moment)
    rows, window_rows, expires = _counting(visits, in_force, area_codes, rule, moment)
    reasons = np.empty(len(rows), dtype=_REASON)
    reasons["expires"] = expires
    reasons["from"] = visits.visited_from[rows]
    reasons["until"] = visits.visited_until[rows]
    reasons["window"] = np.array([w.window_number for w in in_force], dtype=np.int64)[window_rows]
    reasons["source"] = visits.source_numbers[rows]
    return _group(visits.digests[rows], reasons)


def listed_digests(
    visits: VisitColumns,
    windows: Sequence[AreaWindow],
    area_codes: Mapping[int, str],
    rule: ListRule,
    moment: ListMoment,
) -> set[bytes]:
    """Return who is listed at a moment, without why: half the work."""
    rows, *_ = _counting(visits, _in_force(windows, rule, moment), area_codes, rule, moment)
    return set(each_digest(visits.digests[rows]))


def covered_areas(
    windows: Sequence[AreaWindow], area_codes: Mapping[int, str], rule: ListRule, moment: ListMoment
) -> Collection[int]:
    """Return the numbers of the areas in which a stay can count at a moment."""
    return _windows_by_area(_in_force(windows, rule, moment), area_codes).keys()


def _in_force(windows: Sequence[AreaWindow], rule: ListRule, moment: ListMoment) -> list[AreaWindow]:
    return [
        window
        for window in windows
        if window.is_known_at(moment.known_by) and window.valid_from <= moment.begun_by and window.level in rule.levels
    ]


def _counting(
    visits: VisitColumns,
    in_force: Sequence[AreaWindow],
    area_codes: Mapping[int, str],
    rule: ListRule,
    moment: ListMoment,
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Return rows of `visits` and of `in_force` where the stay counts by the declaration, and until when."""
    rows, window_rows = _pair_up(visits, in_force, area_codes)
    valid_from = np.array([w.valid_from for w in in_force], dtype=np.int64)
    valid_until = np.array([FOREVER if w.valid_until is None else w.valid_until for w in in_force], dtype=np.int64)

    overlap_from = np.maximum(visits.visited_from[rows], valid_from[window_rows])
    overlap_until = np.minimum(visits.visited_until[rows], valid_until[window_rows])
    expires = np.minimum(overlap_until + rule.lookback_s, visits.received_at[rows] + rule.expiry_s)
    is_known = visits.received_at[rows] <= moment.known_by
    counts = (overlap_from < overlap_until) & (expires > moment.alive_after) & is_known
    return rows[counts], window_rows[counts], expires[counts]


def _pair_up(
    visits: VisitColumns, windows: Sequence[AreaWindow], area_codes: Mapping[int, str]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return rows of `visits` and of `windows`: each stay with each declaration that covers its area."""
    windows_by_area = _windows_by_area(windows, area_codes)
    highest = max(area_codes, default=0)
    count_by_area = np.zeros(highest + 1, dtype=np.int64)
    for number, covering in windows_by_area.items():
        count_by_area[number] = len(covering)
    counts = count_by_area[visits.area_numbers]
    touched = np.flatnonzero(counts)
    counts = counts[touched]
    rows = np.repeat(touched, counts)
    flat = np.array([w for number in sorted(windows_by_area) for w in windows_by_area[number]], dtype=np.int64)
    start_by_area = np.concatenate(([0], np.cumsum(count_by_area)))[:-1]
    within = np.arange(len(rows)) - np.repeat(np.cumsum(counts) - counts, counts)
    window_rows = flat[np.repeat(start_by_area[visits.area_numbers[touched]], counts) + within]
    return rows, window_rows


def _windows_by_area(windows: Sequence[AreaWindow], area_codes: Mapping[int, str]) -> dict[int, list[int]]:
    """Return, for each area number, the positions of the declarations that cover it."""
    by_code = sorted((code, number) for number, code in area_codes.items())
    codes = [code for code, _ in by_code]
    found: dict[int, list[int]] = {}
    for position, window in enumerate(windows):
        prefix = area_prefix(window.code)
        # ":" follows "9": all codes with this prefix lie between the two.
        for _, number in by_code[bisect_left(codes, prefix) : bisect_left(codes, prefix + ":")]:
            found.setdefault(number, []).append(position)
    return found


def _group(digests: Digests, reasons: NDArray[np.void]) -> HotEntries:
    """Return one entry per plate with its longest-lasting reasons first."""
    order = np.lexsort((-reasons["expires"].astype(np.int64), digests[:, 1], digests[:, 0]))
    digests, reasons = digests[order], reasons[order]
    is_first = np.ones(len(digests), dtype=bool)
    is_first[1:] = (digests[1:] != digests[:-1]).any(axis=1)
    starts = np.flatnonzero(is_first)
    rank = np.arange(len(digests)) - np.repeat(starts, np.diff(np.append(starts, len(digests))))
    kept = rank < MAX_REASONS
    plate_of_kept = (np.cumsum(is_first) - 1)[kept]
    per_plate = np.bincount(plate_of_kept, minlength=len(starts))
    return HotEntries(digests[starts], reasons[kept].tobytes(), np.concatenate(([0], np.cumsum(per_plate))))


def xor_of(digests: Iterable[bytes]) -> bytes:
    """Return the XOR of 16-byte digests: a checksum of a set that can be carried from one version to the next."""
    return digests_to_bytes(_xor(digests_from_bytes(b"".join(digests))))


def _xor(digests: Digests) -> Digests:
    both: Digests = np.bitwise_xor.reduce(digests, axis=0).reshape(1, 2)
    return both
