"""What is said of a list that is gone, stale, shrunk, or of another key."""

# ruff: noqa: F811  fixtures of another file are used by their names

from collections.abc import Iterator

import pytest

from kakou.watch.checks import Check, ListLook
from tests.notice_machine import Machine
from tests.riskdb_kit import RiskRig, risk_rig
from tests.test_kakou_notices import machine  # noqa: F401  a fixture is used by its name


@pytest.fixture
def rig(machine: Machine) -> Iterator[RiskRig]:
    """A list of 40 vehicles, ten in another area, that the machine looks at as a reader does."""
    with risk_rig(machine.folder, machine.url) as rig:
        rig.settings = rig.settings.model_copy(update={"recheck_s": 1e-9})
        rig.travelled(*(f"鲁B{number:05}" for number in range(30)), area="370202")
        rig.travelled(*(f"鲁B{number:05}" for number in range(30, 40)))
        rig.declared()
        rig.declared(area="370202")
        look(machine, rig)
        machine.wait()
        assert machine.watch.keeper.active == ()
        yield rig


def look(machine: Machine, rig: RiskRig) -> None:
    looks = ListLook(rig.hot_set, 900.0, rig.clock, machine.monotonic)
    machine.checks[:] = [Check(ListLook.NOTICES, looks.look)]


def test_a_list_that_is_gone_stale_or_damaged_is_said(machine: Machine, rig: RiskRig):
    machine.client.delete("risk:meta")
    machine.begins("list_missing")
    machine.ends("list_missing", tick=rig.tender.tick)
    rig.clock.forward(hours=2)
    assert machine.begins("list_stale").detail == "本机已停止比对，车辆均为未核对"
    machine.ends("list_stale", tick=rig.tender.tick)


def test_a_list_that_lost_most_of_its_vehicles_or_all_is_said(machine: Machine, rig: RiskRig):
    rig.keeper.lift("370202")
    assert machine.begins("list_shrunk").detail == "24 小时内由 40 条变为 10 条"
    rig.declared(area="370202")
    machine.ends("list_shrunk")
    rig.keeper.lift("370202")
    rig.keeper.lift("370211")
    look(machine, rig)
    machine.begins("list_empty")
    rig.declared()
    machine.ends("list_empty")


def test_a_list_made_with_another_key_is_said_until_the_key_is_there(machine: Machine, rig: RiskRig):
    own = rig.key_path.read_bytes()
    rig.key_path.write_bytes(b"ab" * 32)
    look(machine, rig)
    machine.begins("list_other_key")
    rig.key_path.write_bytes(own)
    machine.ends("list_other_key")
