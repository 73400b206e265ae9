"""The box's side of its booth page: who is told what, when a flagged vehicle is the booth's, and the tablets."""

import re
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from alerts.booth_link import BoothEar, BoothWord, OpenBooths
from kakou.box.booth import open_devices
from kakou.box.booth_teller import BoothTeller
from kakou.box.certificate import own_certificate
from kakou.box.processes import box_children, new_order
from kakou.exit_codes import ExitCode
from kakou.settings import Settings
from kakou.wiring.box import Box
from pipeline.types import Passage
from tests.alerts_kit import wait_until
from tests.commands import call_kakou
from tests.pipeline_kit import NOON, KeptEvents, ListedPlates, box_at, frames_of, make_screening, screened
from tests.plates import make_read

SOURCE = {"camera_id": "入口", "checkpoint": "东门", "uri": "0"}


def settings_in(folder: Path, **booth: object) -> Settings:
    return Settings.model_validate({"state_dir": folder, "source": [SOURCE], "booth": {"port": 8444} | booth})


def test_a_box_serves_a_booth_page_only_where_it_is_told_to(tmp_path: Path):
    settings = settings_in(tmp_path)
    assert [child.command[2] for child in box_children(settings, new_order(settings, ""))][-1] == "kakou.box.booth"
    silent = Settings.model_validate({"source": [SOURCE]})
    assert "kakou.box.booth" not in [child.command[2] for child in box_children(silent, new_order(silent, ""))]


def test_a_flagged_vehicle_is_the_booths_only_while_somebody_there_has_its_page_open(tmp_path: Path):
    box = Box(settings_in(tmp_path, handle_minutes=4), "", None)  # type: ignore[arg-type]  # no model is asked here
    (tmp_path / "run").mkdir()
    until, now = box.booth_until, datetime.now(UTC)
    assert until("东门", "入口", now) is None
    OpenBooths(tmp_path).note({("东门", "")})
    assert until("东门", "入口", now) == now + timedelta(minutes=4)
    assert until("东门", "入口", now - timedelta(minutes=4)) is None  # checked late: it has driven on
    ahead = until("东门", "入口", now + timedelta(days=1))
    assert ahead is not None
    assert ahead < now + timedelta(minutes=5)
    assert until("西门", "入口", now) is None
    (tmp_path / "run" / "booth.open").write_text("[")
    assert until("东门", "入口", now) is None


def heard(ear: BoothEar, count: int) -> list[BoothWord]:
    return [word for _ in range(count) if (word := ear.hear(5.0)) is not None]


def test_the_booth_hears_of_a_vehicle_with_its_whole_plate_and_again_after_it_was_away(tmp_path: Path):
    passages = clear_passages()
    with closing(BoothTeller(tmp_path)) as teller:
        for passage in passages:  # nobody listens yet
            teller.passed(passage)
        wait_until(lambda: not teller.is_behind)
        with closing(BoothEar(tmp_path)) as ear:
            teller.in_view(passages[0])
            words = heard(ear, 2)
    assert [word.passage.text for word in words if word.passage] == [passages[0].best.text] * 2
    assert [word.passage.has_left for word in words if word.passage] == [True, False]
    assert all(word.plate[:2] == b"\xff\xd8" and word.vehicle[:2] == b"\xff\xd8" for word in words)


def clear_passages() -> list[Passage]:
    scene = [[make_read("京B88888", box_at(200, 40 + 18 * i, 60 + 3 * i))] for i in range(8)]
    return list(screened(frames_of(scene), make_screening(ListedPlates(), KeptEvents())))


def test_a_device_is_paired_by_a_link_that_is_printed_with_its_code_and_taken_off_by_its_number(tmp_path: Path):
    config = tmp_path / "kakou.toml"
    source = '[[source]]\ncamera_id = "入口"\ncheckpoint = "东门"\nuri = "0"\n'
    config.write_text(f'state_dir = "{tmp_path}"\n{source}[booth]\nport = 8444\n', encoding="utf-8")
    printed = call_kakou("booth", "pair", "一号平板", "--config", config, folder=tmp_path).stdout
    link = re.search(r"https://[^ /]+:8444/pair/(\S+)", printed)
    assert link is not None
    assert own_certificate(tmp_path, datetime.now(UTC)).fingerprint in printed
    with closing(open_devices(tmp_path)) as devices:
        token = devices.pair(link[1])
        device = devices.find(token)
        assert device is not None
        assert (device.name, device.checkpoint, device.camera_id) == ("一号平板", "东门", "")
        listed = call_kakou("booth", "list", "--config", config, folder=tmp_path).stdout
        assert "一号平板\t东门 \t已配对" in listed
        call_kakou("booth", "revoke", str(device.device_id), "--config", config, folder=tmp_path)
        assert devices.find(token) is None
    for wrong in (("pair", "x", "--checkpoint", "西门"), ("pair", "x", "--camera", "出口")):
        assert call_kakou("booth", *wrong, "--config", config, folder=tmp_path).exit_code == ExitCode.CONFIG
    assert call_kakou("booth", "revoke", "9", "--config", config, folder=tmp_path).exit_code != 0


def test_a_link_is_too_old_after_its_minutes(tmp_path: Path):
    from console.booth.devices import Devices
    from console.types import NotFoundError

    moment = NOON
    with closing(Devices(tmp_path / "booth.sqlite", lambda: moment)) as devices:
        link = devices.invite("平板", "东门", "", timedelta(minutes=10))
        moment += timedelta(minutes=11)
        with pytest.raises(NotFoundError, match="过期"):
            devices.pair(link)


def test_a_certificate_that_is_damaged_or_near_its_end_is_made_anew(tmp_path: Path):
    now = datetime.now(UTC)
    first = own_certificate(tmp_path, now).fingerprint
    assert own_certificate(tmp_path, now).fingerprint == first
    later = own_certificate(tmp_path, now + timedelta(days=780)).fingerprint
    assert later != first
    (tmp_path / "booth.key").write_text("damaged")
    assert own_certificate(tmp_path, now).fingerprint != later
