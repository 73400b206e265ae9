"""Ctrl-C keeps what is done, and --resume goes on from there to the same bytes."""

import os
import signal
import time
from pathlib import Path

import pytest

from tests.commands import run_kakou, start_kakou
from tests.pipeline_kit import moving_block, write_video

PATIENCE_S = 120.0


def spoil(path: Path) -> None:
    """Make a file unreadable without its size or time telling."""
    status = path.stat()
    path.write_bytes(bytes(status.st_size))
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


def wait_for_a_part(folder: Path) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not any(folder.glob("*.json")):
        assert time.monotonic() < deadline, "no video was finished"
        time.sleep(0.02)


@pytest.mark.long
def test_an_interrupted_replay_is_resumed_to_the_answer_of_a_whole_one(tmp_path: Path) -> None:
    clips, parts = tmp_path / "clips", tmp_path / "var" / "replay"
    clips.mkdir()
    first = write_video(clips / "20261124_120000.avi", moving_block(25))
    write_video(clips / "20261124_130000.avi", moving_block(250))
    whole = run_kakou("replay", "clips", "--json", "whole.jsonl", folder=tmp_path, timeout_s=PATIENCE_S)
    assert whole.exit_code == 0, whole.stderr

    running = start_kakou("replay", "clips", "--json", "cut.jsonl", "--workers", "1", folder=tmp_path)
    wait_for_a_part(parts)
    running.send_signal(signal.SIGINT)
    assert running.wait(PATIENCE_S) == 130
    assert len(list(parts.glob("*.json"))) == 1

    spoil(first)  # What is done is not read again.
    resumed = run_kakou("replay", "clips", "--json", "new.jsonl", "--resume", folder=tmp_path, timeout_s=PATIENCE_S)
    assert resumed.exit_code == 0, resumed.stderr
    assert (tmp_path / "new.jsonl").read_bytes() == (tmp_path / "whole.jsonl").read_bytes()
    assert not parts.exists()
