"""One track for every vehicle that passes."""

from dataclasses import replace
from itertools import chain, repeat

import numpy as np
import pytest

from ocr.grammar import STYLES
from ocr.types import BoundingBox, PlateRead
from pipeline.settings import TrackSettings
from pipeline.walk.deciding import PassageRule
from pipeline.walk.tracking import PlateTracker
from tests.pipeline_kit import box_at, frames_of, text_of, tracks_of
from tests.plates import make_distribution, make_read

RULE = PassageRule.of(TrackSettings())


def driving_down(text: str, looks: int = 12, x: float = 300, speed: float = 18) -> list[list[PlateRead]]:
    """A car that comes nearer, `speed` pixels a frame."""
    return [[make_read(text, box_at(x, 40 + speed * i, 60 + 3 * i))] for i in range(looks)]


def test_a_car_that_drives_by_is_one_track() -> None:
    (track,) = tracks_of(driving_down("京A12345"))
    assert text_of(track) == "京A12345"
    assert track.look_count == 12
    assert (track.ended_at - track.started_at).total_seconds() == 0.88


def test_a_fast_car_whose_plates_never_overlap_is_one_track() -> None:
    scene = [[make_read("京A12345", box_at(40 + 90 * i, 100, 60))] for i in range(6)]
    assert len(tracks_of(scene)) == 1


def test_one_misread_frame_does_not_change_the_plate() -> None:
    scene = driving_down("京A12345")
    scene[4] = [make_read("京A1Z345", scene[4][0].box)]
    (track,) = tracks_of(scene)
    assert text_of(track) == "京A12345"


def test_two_cars_side_by_side_with_look_alike_plates_stay_two() -> None:
    left, right = driving_down("京A12345", x=200), driving_down("京A1Z345", x=330)
    scene = [a + b for a, b in zip(left, right, strict=True)]
    assert sorted(text_of(track) for track in tracks_of(scene)) == ["京A12345", "京A1Z345"]


def test_cars_that_cross_keep_their_own_plates() -> None:
    scene = [
        [make_read("京A12345", box_at(50 + 20 * i, 100)), make_read("沪B67890", box_at(450 - 20 * i, 160))]
        for i in range(20)
    ]
    tracks = tracks_of(scene)
    assert sorted((text_of(t), t.look_count) for t in tracks) == [("京A12345", 20), ("沪B67890", 20)]


def test_a_follower_with_nearly_the_same_plate_is_a_second_vehicle() -> None:
    first, second = driving_down("京A12345"), driving_down("京A1Z345")
    tracks = tracks_of([*first, *repeat([], 4), *second])
    assert [text_of(track) for track in tracks] == ["京A12345", "京A1Z345"]


def test_a_follower_that_takes_the_same_spot_during_a_gap_is_a_second_vehicle() -> None:
    waiting = [[make_read("京A12345", box_at(300, 200))] for _ in range(20)]
    next_one = [[make_read("京A1Z345", box_at(302, 200))] for _ in range(20)]
    tracks = tracks_of([*waiting, *repeat([], 5), *next_one])
    assert [(text_of(track), track.look_count) for track in tracks] == [("京A12345", 20), ("京A1Z345", 20)]


def test_another_plate_on_the_same_spot_without_a_gap_is_a_second_vehicle() -> None:
    waiting = [[make_read("京A12345", box_at(300, 200))] for _ in range(10)]
    next_one = [[make_read("沪B67890", box_at(300, 200))] for _ in range(10)]
    tracks = tracks_of([*waiting, *next_one])
    assert sorted(text_of(track) for track in tracks) == ["京A12345", "沪B67890"]


def coming_nearer(far_text: str, missed: int) -> list[list[PlateRead]]:
    """A car whose plate is misread alike while it is far, is missed for some frames, and then read well."""
    far = [[make_read(far_text, box_at(300, 40 + 6 * i, 42 + i), certainty=0.85)] for i in range(6)]
    near = [[make_read("京A12345", box_at(300, 76 + 6 * (missed + i), 52 + 4 * i))] for i in range(8)]
    return [*far, *repeat([], missed), *near]


def test_looks_at_a_far_plate_that_err_together_make_no_second_vehicle() -> None:
    """Seen in the fixture clips: one slot misread before a gap, several where nothing was missed."""
    for scene in (coming_nearer("沪A12345", missed=6), coming_nearer("京A73469", missed=0)):
        (track,) = tracks_of(scene)
        assert text_of(track) == "京A12345"


def test_a_far_plate_is_not_settled_before_it_comes_nearer() -> None:
    tracker = PlateTracker(TrackSettings())
    far = [[make_read("沪A12345", box_at(300, 40 + 6 * i, 40), certainty=0.85)] for i in range(9)]
    early = [track for reads in frames_of(far) for track in tracker.update(reads)]
    assert [track for track in early if not track.is_tentative] == []


def test_a_far_plate_that_is_read_surely_is_settled_where_it_is() -> None:
    tracker = PlateTracker(TrackSettings())
    far = [[make_read("沪A12345", box_at(300, 40 + 6 * i, 40), certainty=0.97)] for i in range(9)]
    early = [track for reads in frames_of(far) for track in tracker.update(reads) if not track.is_tentative]
    assert [text_of(track) for track in early] == ["沪A12345"]


def test_a_text_that_does_not_settle_is_asked_about_after_five_looks_over_four_tenths_of_a_second() -> None:
    far = [[make_read("冀J57K28", box_at(300, 40 + 6 * i, 44), certainty=0.89)] for i in range(9)]
    for every, first in ((1, 5), (2, 8)):  # frames are 0.08 s apart
        tracker = PlateTracker(TrackSettings())
        given = [
            (each.frame.index, track.is_tentative)
            for each in frames_of(far)
            if each.frame.index % every == 0
            for track in tracker.update(each)
        ]
        assert given == [(index, True) for index in range(first, 9, every)]


def test_a_vehicle_that_stands_far_away_and_does_not_settle_is_asked_about_ever_more_seldom() -> None:
    tracker = PlateTracker(TrackSettings())
    still = [[make_read("冀J57K28", box_at(300, 40, 44), certainty=0.89)]] * 60
    asked = [each.frame.index for each in frames_of(still) for _ in tracker.update(each)]
    assert asked[:4] == [5, 6, 7, 8]
    assert 15 < len(asked) < 25


def test_looks_that_were_overruled_do_not_count_among_those_that_are_asked_about() -> None:
    tracker = PlateTracker(TrackSettings())
    far = [[make_read("皖A30V92", box_at(300, 40 + i, 40), certainty=0.89)] for i in range(8)]
    near = [[make_read("苏E5G806", box_at(290, 46 + i, 62), certainty=0.89)] for i in range(2)]
    given = [text_of(track) for reads in frames_of([*far, *near]) for track in tracker.update(reads)]
    assert set(given) == {"皖A30V92"}


def test_a_short_gap_does_not_split_a_vehicle() -> None:
    scene = driving_down("京A12345", looks=16)
    scene[6:11] = [[], [], [], [], []]
    (track,) = tracks_of(scene)
    assert track.look_count == 11


def test_a_parked_car_is_one_track_though_others_hide_it() -> None:
    parked = make_read("苏E24680", box_at(100, 250))
    hidden_for_10_s: list[list[PlateRead]] = [[] for _ in range(125)]
    passing = driving_down("京A12345", x=320)
    scene = [*[[parked]] * 40, *[[parked, *reads] for reads in passing], *hidden_for_10_s, *[[parked]] * 40]
    tracks = tracks_of(scene)
    assert sorted(text_of(track) for track in tracks) == ["京A12345", "苏E24680"]


def test_a_parked_car_that_leaves_unseen_ends_its_track() -> None:
    scene = [*[[make_read("苏E24680", box_at(100, 250))]] * 40, *[[]] * 30]
    tracker = PlateTracker(TrackSettings(parked_gap_s=2.0))
    ended = list(chain.from_iterable(tracker.update(reads) for reads in frames_of(scene)))
    assert [track.is_final for track in ended] == [False, True]


def test_a_car_that_brakes_to_a_stand_while_it_is_hidden_for_three_seconds_is_one_track() -> None:
    coming = driving_down("京A12345", looks=8)
    standing = [make_read("京A12345", box_at(300, 260, 96))]
    (track,) = tracks_of([*coming, *repeat([], 36), *[standing] * 10])
    assert track.look_count == 18


def test_what_stands_in_the_place_of_a_hidden_car_is_told_by_its_plate_once_that_is_read() -> None:
    coming = driving_down("京A12345", looks=8)
    for text, vehicles in (("京A12345", ["京A12345"]), ("沪B67890", ["京A12345", "沪B67890"])):
        unread, read = ([make_read(text, coming[-1][0].box, certainty=certainty)] for certainty in (0.5, 0.99))
        tracks = tracks_of([*coming, *repeat([], 36), *[unread] * 5, *[read] * 10])
        assert [text_of(track) for track in tracks] == vehicles


def test_a_car_keeps_its_looks_though_one_of_its_fleet_was_last_seen_where_it_comes() -> None:
    """The first stands and is hidden from then on; the second comes from behind, through the very place."""
    behind = driving_down("京A12346", looks=12, speed=30)
    standing = [make_read("京A12345", behind[6][0].box)]
    tracks = tracks_of([*[standing] * 12, *repeat([], 3), *behind])
    assert [(text_of(track), track.look_count) for track in tracks] == [("京A12345", 12), ("京A12346", 12)]


def test_a_settled_track_is_given_early_and_once() -> None:
    tracker = PlateTracker(TrackSettings())
    early = list(chain.from_iterable(tracker.update(reads) for reads in frames_of(driving_down("京A12345"))))
    assert [(text_of(track), track.is_final, track.look_count) for track in early] == [("京A12345", False, 3)]


def test_sure_looks_from_afar_that_follow_at_once_settle_no_text() -> None:
    tracker = PlateTracker(TrackSettings())
    far = [[make_read("皖A30V92", box_at(300, 40 + i, 46 + i / 4))] for i in range(8)]
    given = [(each.frame.index, track) for each in frames_of(far) for track in tracker.update(each)]
    assert [index for index, track in given if not track.is_tentative] == [6]  # three of them 0.2 s apart


def test_a_sure_text_settles_although_dusk_makes_a_blue_plate_nearly_black() -> None:
    for blue, settled in ((0.12, ["川A9T384"]), (0.03, [])):  # black ones are rare: some 86 % and 24 % blue
        read = make_read("川A9T384")
        styles = np.where(np.array(STYLES) == "blue", blue, np.where(np.array(STYLES) == "black", 1 - blue, 0))
        dusk = replace(read.distribution, style_probs=styles.astype(np.float32))
        tracker = PlateTracker(TrackSettings())
        scene = [[replace(each, distribution=dusk)] for (each,) in driving_down("川A9T384", looks=6)]
        early = [track for reads in frames_of(scene) for track in tracker.update(reads) if not track.is_tentative]
        assert [text_of(track) for track in early] == settled


def test_two_looks_that_lie_apart_settle_a_text_as_three_that_follow_do() -> None:
    tracker = PlateTracker(TrackSettings())
    car = driving_down("京A12345", looks=8, speed=4)
    rare = [reads if i % 4 == 0 else None for i, reads in enumerate(car)]  # a full machine looks three times a second
    early = [
        (each.frame.index, text_of(track))
        for each in frames_of([reads or [] for reads in rare])
        if rare[each.frame.index] is not None
        for track in tracker.update(each)
    ]
    assert early == [(4, "京A12345")]


def test_what_was_told_from_afar_and_overruled_settles_no_text_with_the_first_look_from_near() -> None:
    tracker = PlateTracker(TrackSettings())
    far = [[make_read("皖A30V92", box_at(300, 40 + i, 40))] if i % 4 == 0 else [] for i in range(9)]
    near = [[make_read("苏E5G806", box_at(290, 46 + i, 62))] for i in range(4)]
    given = [(each.frame.index, text_of(track)) for each in frames_of([*far, *near]) for track in tracker.update(each)]
    assert given == [(4, "皖A30V92"), (11, "苏E5G806")]


def test_a_vehicle_that_goes_out_of_sight_undecided_is_asked_about_at_once_and_not_when_its_place_is_given_up() -> None:
    tracker = PlateTracker(TrackSettings())
    scene = [*driving_down("京A12345", looks=2), *repeat([], 80)]
    given = [(each.frame.index, track.is_final) for each in frames_of(scene) for track in tracker.update(each)]
    asked, gone = given
    assert (asked, gone[1]) == ((6, False), True)  # 0.3 s after the first frame without it
    assert gone[0] > asked[0] + 30


def test_an_unsure_track_waits_for_its_end() -> None:
    tracker = PlateTracker(TrackSettings())
    doubtful = make_distribution("京A12345", doubts={3: {"Z": 0.48}})
    scene = [[replace(read, distribution=doubtful)] for (read,) in driving_down("京A12345")]
    assert list(chain.from_iterable(tracker.update(reads) for reads in frames_of(scene))) == []
    assert [track.is_final for track in tracker.finish()] == [True]


def test_a_momentary_look_at_something_doubtful_is_no_vehicle() -> None:
    (doubtful,) = tracks_of([[make_read("京A12345", certainty=0.3)]])
    (sure,) = tracks_of([[make_read("京A12345", certainty=0.9)]])
    assert not RULE.is_vehicle(doubtful)
    assert RULE.is_vehicle(sure)


def test_what_the_recogniser_holds_for_no_plate_is_no_vehicle() -> None:
    (track,) = tracks_of([[make_read("京A12345", style="not_plate")]] * 5)
    assert not RULE.is_vehicle(track)


def nearing(first: str, then: str, gap: int, width: float = 44, grown: float = 60) -> list[list[PlateRead]]:
    """Seen once, and after a gap nearer, again and again."""
    scene = [[make_read(first, box_at(540, 10, width))], *repeat([], gap)]
    return [*scene, *([make_read(then, box_at(430 - 8 * i, 170 + 25 * i, grown + 4 * i))] for i in range(6))]


@pytest.mark.parametrize("gap", [0, 4, 11])
@pytest.mark.parametrize(
    ("first", "then"), [("皖A12345", "京A12345"), ("京A12315", "京A12345"), ("京A12345", "京A12345")]
)
def test_a_vehicle_of_whose_only_look_from_afar_one_slot_was_misread_is_one_track_when_it_is_seen_nearer(
    first: str, then: str, gap: int
) -> None:
    assert [text_of(track) for track in tracks_of(nearing(first, then, gap))] == [then]


@pytest.mark.parametrize(
    "scene",
    [
        pytest.param(nearing("皖A12345", "京A12345", 17), id="seen once, nearly two seconds ago"),
        pytest.param([*nearing("皖A12345", "京A12345", 11, width=58)], id="as near as before"),
        pytest.param(
            [*([make_read("皖A12345", box_at(540 - 3 * i, 10 + 8 * i, 44 + i))] for i in range(3)), *repeat([], 8),
             *([make_read("京A12345", box_at(430 - 8 * i, 170 + 25 * i, 60 + 4 * i))] for i in range(6))],
            id="misread three times from afar",
        ),
    ],
)  # fmt: skip
def test_a_vehicle_whose_province_alone_was_misread_from_afar_is_one_track(scene: list[list[PlateRead]]) -> None:
    assert [text_of(track) for track in tracks_of(scene)] == ["京A12345"]


@pytest.mark.parametrize(
    "scene",
    [
        pytest.param(nearing("皖A72345", "京A12345", 11), id="two slots differ"),
        pytest.param(nearing("京A12315", "京A12345", 11, width=58), id="no nearer"),
        pytest.param(nearing("京A12315", "京A12345", 11, grown=40), id="farther: a follower"),
        pytest.param(nearing("京A12315", "京A12345", 30), id="too long ago"),
        pytest.param(nearing("皖A12345", "京A12345", 75), id="of another province, after it has left"),
    ],
)
def test_what_was_seen_once_and_differs_more_or_is_no_nearer_is_another_vehicle(scene: list[list[PlateRead]]) -> None:
    assert len(tracks_of(scene)) == 2


def test_the_best_look_is_the_evidence() -> None:
    far, near = BoundingBox(0, 0, 60, 20), BoundingBox(0, 0, 90, 30)
    (track,) = tracks_of([[make_read("京A12345", far)], [make_read("京A12345", near)], [make_read("京A12345", far)]])
    assert track.evidence.frame_index == 1
