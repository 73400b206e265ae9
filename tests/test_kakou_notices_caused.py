"""Every kind of notice has a test that causes it and sees its beginning and its end where people learn of them."""

import ast
from functools import cache
from pathlib import Path

import pytest

from alerts.notices.table import NOTICES

CAUSED_BY = {
    "camera_lost": "cameras.test_a_camera_that_sends_nothing_is_lost_until_it_sends_again",
    "camera_stopped": "cameras.test_a_camera_that_was_given_up_says_why",
    "camera_blind": "cameras.test_a_picture_that_stands_still_or_cannot_be_decoded_is_blind",
    "camera_dirty": "cameras.test_a_lens_out_of_focus_is_dirty",
    "camera_turned": "cameras.test_a_camera_that_hangs_on_its_side_is_turned",
    "sub_stream_no_help": "cameras.test_a_sub_stream_that_is_no_help_is_said_until_it_is",
    "pictures_late": "cameras.test_pictures_that_are_decoded_seconds_after_they_were_taken_are_late",
    "device_silent": "devices.test_a_camera_that_sends_nothing_for_hours_is_silent_until_it_sends",
    "device_refused": "devices.test_a_camera_whose_secret_is_wrong_is_refused_for_a_while",
    "device_clock": "devices.test_a_camera_whose_clock_is_away_is_said_until_it_is_right",
    "reads_unreadable": "devices.test_a_message_that_nobody_understands_is_said_for_a_while",
    "reads_lost": "devices.test_reads_that_wait_or_are_lost_are_said",
    "reads_waiting": "devices.test_reads_that_wait_or_are_lost_are_said",
    "list_missing": "list.test_a_list_that_is_gone_stale_or_damaged_is_said",
    "list_stale": "list.test_a_list_that_is_gone_stale_or_damaged_is_said",
    "list_empty": "list.test_a_list_that_lost_most_of_its_vehicles_or_all_is_said",
    "list_shrunk": "list.test_a_list_that_lost_most_of_its_vehicles_or_all_is_said",
    "list_other_key": "list.test_a_list_made_with_another_key_is_said_until_the_key_is_there",
    "redis_away": "test_a_redis_and_a_line_that_are_away_are_said",
    "stream_away": "test_a_redis_and_a_line_that_are_away_are_said",
    "disk_low": "test_a_disk_that_fills_is_said_before_and_when_it_is_full",
    "disk_full": "test_space_set_aside_that_is_missing_is_a_full_disk_only_where_it_cannot_be_had",
    "clock_wrong": "test_a_clock_that_jumped_or_is_behind_is_said",
    "clock_apart": "test_a_box_whose_clock_or_version_differs_from_the_centres_is_said",
    "version_skew": "test_a_box_whose_clock_or_version_differs_from_the_centres_is_said",
    "queue_old": "test_events_that_wait_and_files_that_were_damaged_are_said",
    "state_damaged": "test_events_that_wait_and_files_that_were_damaged_are_said",
    "sunset_near": "test_the_last_days_of_the_authorisation_are_said",
    "box_lost": "centre.test_a_box_that_falls_silent_is_lost_until_it_is_heard",
    "dead_letters": "centre.test_dead_letters_failing_channels_and_a_delivery_that_does_not_run_are_said",
    "channel_failing": "centre.test_dead_letters_failing_channels_and_a_delivery_that_does_not_run_are_said",
    "deliver_stopped": "centre.test_dead_letters_failing_channels_and_a_delivery_that_does_not_run_are_said",
    "certificate_ending": "centre.test_a_certificate_that_is_about_to_end_is_said",
    "canary_missed": "canary.test_whichever_link_is_broken_is_noticed_within_12_minutes_and_its_mending_too",
}
"""Notice -> what is behind test_kakou_notices_ in the file's name, and the test. `Machine` looks where people look."""


def test_each_kind_of_notice_names_the_test_that_causes_it():
    assert set(CAUSED_BY) == {kind.name for kind in NOTICES}


@pytest.mark.parametrize("name", CAUSED_BY)
def test_the_test_that_is_named_sees_the_beginning_and_the_end_of_that_notice(name: str):
    part, _, test = CAUSED_BY[name].rpartition(".")
    said = _said_in(f"test_kakou_{'canary' if part == 'canary' else '_'.join(['notices', part]).rstrip('_')}.py", test)
    assert {phase for phase, notices in said if name in notices} == {"begun", "ended"}


@cache
def _said_in(file: str, test: str) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """Return phase and notices of every begins(...), ends(...) and seen(...) in a test."""
    tree = ast.parse((Path(__file__).parent / file).read_text(encoding="utf-8"))
    [body] = [one for one in tree.body if isinstance(one, ast.FunctionDef) and one.name == test]
    calls = [one for one in ast.walk(body) if isinstance(one, ast.Call) and isinstance(one.func, ast.Attribute)]
    said = []
    for call in calls:
        words = tuple(str(word.value) for word in call.args if isinstance(word, ast.Constant))
        method = call.func.attr  # type: ignore[attr-defined]  # only attributes were kept
        if method == "seen":
            said.append((words[0], words[1:]))
        elif method in ("begins", "ends"):
            said.append(({"begins": "begun", "ends": "ended"}[method], words))
    return tuple(said)
