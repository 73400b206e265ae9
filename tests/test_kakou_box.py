"""What a box says of itself: which of its parts is at fault, and not another."""

import time
from pathlib import Path
from typing import get_args

import pytest
import redis

from alerts.box_status import BoxStatus, StatusBoard
from alerts.pictures import PictureShelf
from kakou.box.reporter import CameraReporter
from kakou.box.run import background
from kakou.settings import Settings
from kakou.wiring.box import Box
from kakou.wiring.risk import open_keeper, tended_list
from ocr.providers import PROVIDERS, ProviderError
from pipeline.settings import SourceSettings
from pipeline.types import ScreeningCounts
from tests.alerts_kit import wait_until
from tests.box_kit import small_box


def reported(folder: Path, centre_url: str, own_url: str) -> BoxStatus:
    """Let a camera report once; return what the console reads."""
    settings = small_box(folder, alerts={"stream_url": centre_url})
    box = Box.build(settings, own_url)
    source = SourceSettings(camera_id="东门-入", checkpoint="东门卡口", uri="x.mp4")
    reporter, outbox = CameraReporter(box, source, ScreeningCounts()), box.outbox()
    reporter.report(outbox)
    reporter.close()
    outbox.close()
    with redis.Redis.from_url(centre_url) as client:
        return StatusBoard(client).statuses()[0]


def test_a_redis_without_a_valid_list_is_told_as_a_list_that_is_not_valid(tmp_path: Path, redis_url: str):
    status = reported(tmp_path, redis_url, redis_url)
    assert (status.redis_ok, status.list_version) == (True, None)


def test_a_redis_that_does_not_answer_is_told_as_such(tmp_path: Path, redis_url: str):
    status = reported(tmp_path, redis_url, "unix:///nowhere")
    assert (status.redis_ok, status.list_version) == (False, None)


def test_a_list_that_is_tended_is_told_with_its_version(tmp_path: Path, redis_url: str):
    settings = Settings(state_dir=tmp_path, redis_url=redis_url)
    with open_keeper(settings, redis_url), tended_list(settings, redis_url, lambda _: None):
        status = reported(tmp_path, redis_url, redis_url)
    assert status.redis_ok
    assert status.list_version is not None


@pytest.mark.parametrize(
    ("chosen", "is_elsewhere", "moves"), [(None, True, True), (None, False, False), (False, True, False)]
)
def test_pictures_go_to_the_centre_where_the_events_go_there(
    tmp_path: Path, redis_url: str, chosen: bool | None, is_elsewhere: bool, moves: bool
):
    alerts = {"stream_url": redis_url if is_elsewhere else None, "moves_pictures": chosen}
    box = Box.build(small_box(tmp_path, alerts=alerts), redis_url)
    picture = box.evidence_folder / "2026-11-24" / "e1-plate.jpg"
    picture.parent.mkdir(parents=True)
    picture.write_bytes(b"jpeg")
    with background(box), redis.Redis.from_url(redis_url) as client:
        if moves:
            wait_until(lambda: not picture.exists(), what="the picture to be sent")
        else:
            time.sleep(0.3)
        assert picture.exists() is not moves
        assert PictureShelf(client).take("2026-11-24/e1-plate.jpg") == (b"jpeg" if moves else None)


def test_what_the_models_shall_run_on_and_is_not_there_is_named_before_a_camera_is_opened(tmp_path: Path):
    with pytest.raises(ProviderError, match="onnxruntime-openvino"):
        Box.build(Settings(state_dir=tmp_path, ocr_provider="openvino"), "unix:///nowhere")
    assert get_args(Settings.model_fields["ocr_provider"].annotation) == tuple(PROVIDERS)
