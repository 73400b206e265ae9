"""The reads of `bench.reads` are what a camera sends; those of `bench.mixed_reads` can be put together."""

from argparse import Namespace
from datetime import UTC, datetime

from bench.mixed_reads import bench
from bench.reads_senders import SECRET, Letter, message_id
from bench.report import Report
from pipeline.reads.synthetic import Said, hikvision


def test_a_letter_that_is_written_anew_in_place_is_the_message_that_a_camera_would_make():
    letter = Letter(b"\xff\xd8picture")
    for number, at in ((17, datetime(2026, 11, 29, 8, 0, 0, 1, UTC)), (80_001, datetime(2026, 12, 1, 9, 1, 2, 3, UTC))):
        letter.write(number, at)
        said = Said(f"鲁B{10_000 + number % 80_000}", at, message_id(number), plate=b"", scene=b"\xff\xd8picture")
        head, _, body = bytes(letter.wire).partition(b"\r\n\r\n")
        assert body == hikvision(said).body
        assert f"POST /reads/K{number % 8:02d}/{SECRET} ".encode() in head
        assert f"Content-Length: {len(body)}".encode() in head


def test_both_readers_together_find_what_either_finds():
    report = Report("mixed")
    bench(report, Namespace(passages=300, weights=False))
    (rows,) = report.tables.values()
    assert [row["reader"] for row in rows] == ["camera alone", "ours alone", "both"]
    assert all(bar.is_met for bar in report.bars)
