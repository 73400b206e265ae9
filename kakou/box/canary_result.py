"""What became of the last canary, in a file for whoever asks."""

import logging
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from alerts.envelope import UtcDatetime
from riskdb.own_file import read_own
from riskdb.whole_file import whole_file

log = logging.getLogger(__name__)


class CanaryResult(BaseModel):
    """What became of the last canary on this box."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    sent_at: UtcDatetime
    lost_in: str = ""
    """reader, list or outbox; "" where it is in the outbox."""
    seq: int = 0
    """The last row of the outbox by then: the relay must come as far."""


def result_path(state_dir: Path) -> Path:
    return state_dir / "run" / "canary.json"


def read_result(path: Path) -> CanaryResult | None:
    """Return the last result; None where there is none yet, or none that can be read."""
    try:
        return CanaryResult.model_validate_json(read_own(path))
    except (OSError, ValidationError):
        return None


def keep_result(path: Path, result: CanaryResult) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with whole_file(path) as partial:
            partial.write_text(result.model_dump_json(), encoding="utf-8")
    except OSError as error:  # then the looks find no young result, and say so
        log.warning("the canary's result cannot be kept: %s", error.strerror)
