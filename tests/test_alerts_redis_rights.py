"""What docs/replica.md lets a box do at the centre is all that a box needs there, and not more than it says."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
import redis

from alerts.box_status import BoxStatus, LanePassage, StatusBoard
from alerts.notices.board import NoticeBoard, NoticeReport
from alerts.outbox import Outbox
from alerts.pictures import PictureShelf
from alerts.redis_link import connect
from alerts.relay import Relay
from alerts.stream import FlaggedStream
from tests.console_kit import event_of

PAGE = Path(__file__).parents[1] / "docs" / "replica.md"
NOW = datetime(2026, 11, 24, tzinfo=UTC)
STATUS = BoxStatus(
    camera_id="cam-1", checkpoint="一号卡口", box="盒", reported_at=NOW, fps=25.0, last_read_at=None, list_version=None,
    list_age_s=None, unchecked_waiting=0, outbox_pending=0, redis_ok=True, clock_offset_s=None,
)  # fmt: skip
PASSAGE = LanePassage(
    camera_id="cam-1", checkpoint="一号卡口", text="测A12345", plate_class="02", outcome="clear", passed_at=NOW
)


def test_a_box_with_the_documented_rights_tells_the_centre_everything(
    tmp_path: Path, redis_client: redis.Redis, redis_url: str
):
    (line,) = [
        line for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith("ACL SETUSER kakou-box")
    ]
    redis_client.execute_command(*line.replace(">PASSWORD", ">secret").split())
    box = connect(redis_url.replace("unix://", "unix://kakou-box:secret@"))
    try:
        StatusBoard(box).report(STATUS)
        StatusBoard(box).announce(PASSAGE)
        NoticeBoard(box).report(NoticeReport(origin="box:kk07", place="一号卡口", version="0", reported_at=NOW))
        with Outbox(tmp_path / "outbox.sqlite") as outbox:
            outbox.append(event_of())
            assert Relay(outbox, FlaggedStream(box)).step() == 1
        assert PictureShelf(box).put("20261124/a.jpg", b"jpeg")
        with pytest.raises(redis.exceptions.NoPermissionError):
            box.get("risk:meta")
    finally:
        box.close()
        redis_client.acl_deluser("kakou-box")
    assert [status.camera_id for status in StatusBoard(redis_client).statuses()] == ["cam-1"]
    assert [report.origin for report in NoticeBoard(redis_client).reports()] == ["box:kk07"]
