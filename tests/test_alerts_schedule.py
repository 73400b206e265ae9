import pytest

from alerts.delivery.schedule import LONGEST_PAUSE_S, RETRY_DELAYS_S, Breaker, next_delay_s


def no_luck() -> float:
    return 0.0


def all_luck() -> float:
    return 0.999


def test_retries_follow_the_published_schedule():
    delays = [next_delay_s(failures, no_luck) for failures in range(1, 7)]
    assert delays == [5, 300, 1800, 7200, 18000, 36000]


def test_jitter_only_lengthens_and_by_a_quarter_at_most():
    assert next_delay_s(2, all_luck) == pytest.approx(375, rel=0.01)


def test_an_event_is_given_up_after_the_last_retry():
    assert next_delay_s(len(RETRY_DELAYS_S), no_luck) is not None
    assert next_delay_s(len(RETRY_DELAYS_S) + 1, no_luck) is None


def test_each_failure_in_a_row_doubles_the_rest_up_to_a_limit():
    breaker = Breaker()
    lengths = []
    now_s = 0.0
    for _ in range(10):
        breaker.note_failure(now_s, None, no_luck)
        lengths.append(breaker.rest_left_s(now_s))
        now_s += lengths[-1]
    assert lengths[:4] == [0.5, 1.0, 2.0, 4.0]
    assert lengths[-1] == LONGEST_PAUSE_S


def test_a_receiver_may_ask_for_a_longer_rest_but_not_for_ever():
    breaker = Breaker()
    breaker.note_failure(0.0, 120.0, no_luck)
    assert breaker.rest_left_s(0.0) == 120.0
    breaker.note_failure(0.0, 10.0**9, no_luck)
    assert breaker.rest_left_s(0.0) == 3600.0


def test_a_success_ends_the_outage_once():
    breaker = Breaker()
    breaker.note_failure(0.0, None, no_luck)
    assert breaker.is_open
    assert breaker.note_success()
    assert not breaker.note_success()
    assert breaker.rest_left_s(0.0) == 0.0
