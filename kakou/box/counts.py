"""What a group of cameras has counted, in a file for whoever asks."""

import json
import logging
from dataclasses import asdict
from pathlib import Path

from pipeline.types import ScreeningCounts
from riskdb.own_file import own_folder
from riskdb.whole_file import whole_file

log = logging.getLogger(__name__)


def counts_path(state_dir: Path, group: str) -> Path:
    return state_dir / "run" / f"{group}.json"


def save_counts(path: Path, counts: dict[str, ScreeningCounts]) -> None:
    """Write the counts for people to see; screening goes on where the disk is full."""
    try:
        own_folder(path.parent)
        with whole_file(path) as partial:
            partial.write_text(counts_json(counts), encoding="utf-8")
    except OSError as error:
        log.warning("counts cannot be saved: %s", error)


def counts_json(counts: dict[str, ScreeningCounts]) -> str:
    return json.dumps({camera_id: asdict(each) for camera_id, each in counts.items()}, ensure_ascii=False)


def counts_from_json(text: str) -> dict[str, ScreeningCounts]:
    return {camera_id: ScreeningCounts(**each) for camera_id, each in json.loads(text).items()}
