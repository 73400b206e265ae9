"""The sample risk list lists the clips' listed vehicles, on any day, and nobody else of the clips."""

import csv
from datetime import UTC, datetime
from pathlib import Path

import pytest

from fixtures.make_risk_list import write_risk_list
from fixtures.truth import PassageTruth, load_all_truths
from kakou.wiring.risk import OcrGrammar
from riskdb.digest import PlateDigester
from riskdb.hotset.listing import listed_entries
from riskdb.record.coverage import Coverage
from riskdb.record.declaring import read_declarations
from riskdb.record.importing import RowOutcome, import_rows
from riskdb.record.judging import RowJudge
from riskdb.record.record import RiskRecord
from riskdb.record.travel import read_travel_rows
from riskdb.rule import ListMoment, ListRule
from riskdb.settings import RiskSettings

PASSAGES = [passage for truth in load_all_truths() for passage in truth.passages]
DAYS = [datetime(2026, 11, 24, 3, 0, tzinfo=UTC), datetime(2028, 2, 29, 15, 59, tzinfo=UTC)]
DIGESTER = PlateDigester(bytes(range(32)))


def hot_digests(folder: Path, now: datetime) -> tuple[set[bytes], dict[RowOutcome, int]]:
    """Import the sample list as of `now`; return the listed digests and what became of the rows."""
    settings, now_s = RiskSettings(), int(now.timestamp())
    rule = ListRule.of(settings)
    travel_records, areas = write_risk_list(folder, now)
    with RiskRecord(folder / "risk.sqlite") as record:
        with record.writing():
            record.set_state("key_id", DIGESTER.key_id)
            for declared in read_declarations(areas, settings.utc_offset_hours):
                record.add_window(declared.as_window(now_s, rule.lookback_s))
        judge = RowJudge(OcrGrammar(), rule, settings.utc_offset_hours, now_s)
        done = import_rows(
            record, read_travel_rows(travel_records), judge, DIGESTER, Coverage(record.windows(), rule, judge.now)
        )
        assert done.is_applied
        entries = listed_entries(record, rule, ListMoment.past(now_s))
    return {digest for digest, _ in entries}, done.counts


def is_hot(passage: PassageTruth, listed: set[bytes]) -> bool:
    return any(DIGESTER.digest(code, passage.text) in listed for code in (passage.plate_class, ""))


@pytest.mark.parametrize("now", DAYS)
def test_exactly_the_listed_vehicles_of_the_clips_are_listed(tmp_path: Path, now: datetime):
    listed, _ = hot_digests(tmp_path, now)
    assert {p.text for p in PASSAGES if is_hot(p, listed)} == {p.text for p in PASSAGES if p.is_listed}


def test_every_row_of_the_sample_list_is_understood(tmp_path: Path):
    _, counts = hot_digests(tmp_path, DAYS[0])
    assert counts[RowOutcome.INVALID] == 0
    assert counts[RowOutcome.EXPIRED] == 1
    assert 30 <= sum(counts.values()) <= 50


def test_unlisted_clip_plates_have_a_listed_look_alike(tmp_path: Path):
    listed, _ = hot_digests(tmp_path, DAYS[0])
    with (tmp_path / "travel_records.csv").open(encoding="utf-8", newline="") as file:
        plates = {
            row["plate"] for row in csv.DictReader(file) if DIGESTER.digest(row["plate_class"], row["plate"]) in listed
        }
    for passage in PASSAGES:
        if not passage.is_listed:
            near = [
                plate for plate in plates if len(plate) == len(passage.text) and _differences(plate, passage.text) <= 1
            ]
            assert near, f"no decoy near {passage.text}"


def test_the_same_day_gives_the_same_list(tmp_path: Path):
    first, second = (write_risk_list(tmp_path / name, DAYS[0]) for name in ("a", "b"))
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in second]


def _differences(one: str, other: str) -> int:
    return sum(a != b for a, b in zip(one, other, strict=True))
