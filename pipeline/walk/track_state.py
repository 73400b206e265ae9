"""One vehicle in view: where it is, and which of the looks are its own."""

from datetime import datetime

from ocr.types import PlateRead
from pipeline.settings import TrackSettings
from pipeline.types import Frame, PlateTrack
from pipeline.walk.direction import direction_of
from pipeline.walk.fusion import SlotAgreement, slot_agreement, sure_slots
from pipeline.walk.geometry import Motion
from pipeline.walk.segment import FAR_WIDTH_PX, SURELY_OTHER_SLOTS, Segment

SURELY_SAME_SLOTS = 5
"""After a gap, this many slots in agreement and none against make it the same vehicle at once."""
FAR_SAME_SLOTS = 6
"""Out of a vehicle's usual reach, so many slots in agreement and none against make a read its own. Two plates of a
fleet differ in a slot that both looks saw."""
MISREAD_SHARE_SLOTS = 3
"""Where only one vehicle can be, one slot may be misread for each so many that agree."""
MOMENT_S = 2.0
"""Looks that follow each other may lie this far apart: a stream that comes in bursts of 1.5 s, one of them missed."""
HIDDEN_S = 4.0
"""A vehicle that was read may brake and stand while something hides it; its text is waited for this long."""
PLACE_COST, TEXT_COST, MOST_TEXT_COST, TEXT_GAIN = 0.6, 0.1, 4, 0.03
"""Of one plate at its place (0.6), up to 4 slots against it add 0.1 each, slots that agree take 0.03 off: between two
vehicles that lie equally near the text decides, and no text outweighs a place that is half a reach nearer."""
DOUBT_COST = 2.0
"""Above all costs of a place: what may be another vehicle after a gap is only taken if no other track can have it."""
PROOF_GAP_S = 0.35
"""Nothing can take a vehicle's place in less; after a longer gap, the same place does not mean the same vehicle."""
ASK_AFTER_S = 0.3
"""A vehicle unseen for this long is asked about with the looks there are: it may come back, or it may be gone, and then
people know of it 4 s sooner."""
ASKED_AGAIN = 1.1
"""A vehicle whose text does not settle is asked about again once there are so many times as many looks: one that stands
far away for an hour is not asked about with every look."""
PROOF_LOOKS = 3
"""After such a gap, so many looks decide whether a vehicle with nearly the same plate is the same one."""


class TrackState:
    """A track while its vehicle is in view."""

    def __init__(self, number: int, frame: Frame, read: PlateRead, settings: TrackSettings, keep_looks: bool) -> None:
        self.number = number
        self._settings = settings
        self._keep_looks = keep_looks
        self._doubted: list[Segment] = []
        self._start(Segment(frame, read, settings.max_effective_looks, keep_looks), Motion(read.box, _seconds(frame)))

    def _start(self, segment: Segment, motion: Motion) -> None:
        self.motion = motion
        self._sure = segment
        self._unproven: Segment | None = None
        self.missed_since: datetime | None = None
        self.is_expected = True
        """False once it has been unseen for so long that no look need be hurried for it."""
        self.decided_text: str | None = None
        self._asked_with = 0
        """Looks that there were when it was last asked about because it was not seen."""
        self._asked_early_with = 0
        """The same, because its text does not settle."""

    def cost(self, frame: Frame, read: PlateRead) -> float:
        """Return how badly a read fits: geometry first, text second.

        Up to 1.0 it is where the vehicle is expected; up to 2.0 it is where the vehicle could have got since the last
        look, and the text holds the two together; up to 3.0 it is at the place of a vehicle that was hidden, but the
        text speaks against it; above that it cannot be this vehicle.
        """
        now_s = _seconds(frame)
        segment = self._unproven or self._sure
        agreement = slot_agreement(segment.fusion.distribution(), read.distribution)
        misfit = self.motion.misfit(read.box, now_s)
        if misfit > 1.0 or self._is_overdue(frame) or self._has_left(frame, read):
            far_cost = 1.0 + self._far_cost(frame, read, agreement)
            is_maybe_misread = agreement.different == 1 and agreement.same >= FAR_SAME_SLOTS
            is_waiting = misfit <= 1.0 and (is_maybe_misread or self._can_wait_for_text(agreement))
            return min(far_cost, misfit + DOUBT_COST) if is_waiting else far_cost
        is_far = (segment.is_far or read.box.width < FAR_WIDTH_PX) and now_s - self.motion.seen_s <= PROOF_GAP_S
        if agreement.different >= SURELY_OTHER_SLOTS and agreement.different > agreement.same / 2 and not is_far:
            return float("inf")
        is_doubtful = agreement.different > 0 and now_s - self.motion.seen_s > PROOF_GAP_S
        text_cost = TEXT_COST * min(agreement.different, MOST_TEXT_COST)
        return misfit * (PLACE_COST + text_cost) - TEXT_GAIN * agreement.same + DOUBT_COST * is_doubtful

    def _far_cost(self, frame: Frame, read: PlateRead, agreement: SlotAgreement) -> float:
        now_s = _seconds(frame)
        misfit = self.motion.far_misfit(read.box, now_s)
        if misfit > 1.0:
            return float("inf")
        if agreement.different_numbers == 0 and agreement.same >= FAR_SAME_SLOTS:
            return misfit
        # For a moment, what cannot be read, then or now, is no evidence of a second vehicle.
        is_moment = self._missed_s(frame) <= self._settings.max_gap_s and now_s - self.motion.seen_s <= MOMENT_S
        if is_moment and agreement.different == 0:
            return misfit
        # On the way of a vehicle whose direction is known, one slot may be misread: a follower comes from behind.
        is_ahead = self.motion.way_misfit(read.box, now_s) <= 1.0 and not self._is_long_hidden(frame)
        is_near_enough = agreement.different <= min(1, agreement.same // MISREAD_SHARE_SLOTS)
        return misfit if is_near_enough and (is_ahead or (is_moment and self._comes_nearer(read))) else float("inf")

    def _comes_nearer(self, read: PlateRead) -> bool:
        """Return whether this may be a vehicle that was seen once, in one slot of which either look has erred."""
        segment = self._unproven or self._sure
        return segment.fusion.look_count == 1 and self.motion.nearing_misfit(read.box) <= 1.0

    def _has_left(self, frame: Frame, read: PlateRead) -> bool:
        """Return whether a vehicle that does not stand must have driven on from here while it was unseen."""
        if self._missed_s(frame) <= self._settings.max_gap_s or self.motion.is_parked():
            return False
        return self._is_long_hidden(frame) or self.motion.way_misfit(read.box, _seconds(frame)) > 1.0

    def _is_long_hidden(self, frame: Frame) -> bool:
        """Return whether it was hidden for so long that another may be where it would be (sooner if unreadable)."""
        is_read = sure_slots((self._unproven or self._sure).fusion.distribution()) >= SURELY_SAME_SLOTS
        return self._is_overdue(frame) or self._missed_s(frame) > (HIDDEN_S if is_read else MOMENT_S)

    def _can_wait_for_text(self, agreement: SlotAgreement) -> bool:
        """Return whether more looks will tell: the vehicle's text is sure, the read's is not yet."""
        is_known = sure_slots(self._sure.fusion.distribution()) >= SURELY_SAME_SLOTS
        return is_known and agreement.same + agreement.different < SURELY_SAME_SLOTS and agreement.different == 0

    def follow(self, frame: Frame, read: PlateRead) -> "Segment | None":
        """Take over a look; return the finished earlier vehicle's looks when it proves to be another vehicle."""
        was_hidden = self.missed_since is not None and _seconds(frame) - self.motion.seen_s > PROOF_GAP_S
        self.missed_since, self.is_expected = None, True
        self.motion.follow(read.box, _seconds(frame))
        earlier = None
        if was_hidden and self._unproven is not None and self._unproven.contradicts(read):
            earlier = self._prove(is_last=True)  # what was seen between two gaps is nobody else's
        if self._unproven is None and not was_hidden:
            self._sure.add(frame, read)
            return None
        if self._unproven is None:
            self._unproven = Segment(frame, read, self._settings.max_effective_looks, self._keep_looks)
        else:
            self._unproven.add(frame, read)
        return self._prove(is_last=False) or earlier  # the first look after a gap proves no other vehicle yet

    def miss(self, frame: Frame) -> bool:
        """Note that the vehicle was not seen on a frame; return whether it has gone."""
        if self.missed_since is None or frame.captured_at < self.missed_since:  # the clock may be set back
            self.missed_since = frame.captured_at
        self.is_expected = not self._is_overdue(frame)
        return self._missed_s(frame) >= max(self._place_kept_s(), min(HIDDEN_S, self._settings.parked_gap_s))

    def is_to_be_asked(self, frame: Frame) -> bool:
        """Return whether it has just gone out of sight undecided; true once for the looks that there are."""
        look_count = self._sure.fusion.look_count
        if self.decided_text is not None or look_count == self._asked_with or self._missed_s(frame) < ASK_AFTER_S:
            return False
        self._asked_with = look_count
        return True

    def is_to_be_asked_early(self) -> bool:
        """Return whether there are enough looks at a text that does not settle; true once for those looks."""
        look_count = self._sure.fusion.look_count
        is_due = self._sure.may_be_asked_about and look_count >= ASKED_AGAIN * self._asked_early_with
        if self.decided_text is not None or look_count == self._asked_early_with or not is_due:
            return False
        self._asked_early_with = look_count
        return True

    def _missed_s(self, frame: Frame) -> float:
        """Return for how long frames were looked at and did not show it."""
        return (frame.captured_at - self.missed_since).total_seconds() if self.missed_since is not None else 0.0

    def _place_kept_s(self) -> float:
        """Return for how long what comes to the vehicle's place is the vehicle; later its text must say so."""
        settings = self._settings
        if self.motion.is_parked():
            return settings.parked_gap_s
        return min(self.motion.gone_after_s(settings.max_gap_s), HIDDEN_S, settings.parked_gap_s)

    def _is_overdue(self, frame: Frame) -> bool:
        return self._missed_s(frame) >= self._place_kept_s()

    def finish(self) -> "list[Segment]":
        """Return the looks of each vehicle that this track turned out to be."""
        earlier = self._prove(is_last=True)
        return [earlier, self._sure] if earlier is not None else [self._sure]

    def take_doubted(self) -> "list[Segment]":
        """Return, once, the single looks that say otherwise than the vehicle's others."""
        doubted, self._doubted = self._doubted, []
        return doubted

    @property
    def current(self) -> Segment:
        return self._sure

    def _prove(self, is_last: bool) -> "Segment | None":
        """Decide whether the looks since a gap are of the same vehicle; return the earlier one's if they are not."""
        since = self._unproven
        if since is None:
            return None
        agreement = slot_agreement(self._sure.fusion.distribution(), since.fusion.distribution())
        look_count = since.fusion.look_count
        is_proven = is_last or (look_count >= PROOF_LOOKS and not self._can_wait_for_text(agreement))
        misread = min(1, agreement.same // MISREAD_SHARE_SLOTS) if self._sure.is_far and not since.is_far else 0
        is_same_number = agreement.different_numbers == 0 and agreement.same >= FAR_SAME_SLOTS
        if (agreement.different <= misread or is_same_number) and (is_proven or agreement.same >= SURELY_SAME_SLOTS):
            self._join(since)
        elif is_proven and look_count == 1:
            # A single look that disagrees is a misread; a vehicle is seen more than once. If it can be.
            self._doubt(since)
        elif is_proven:
            earlier = self._sure
            self._start(since, self.motion)
            return earlier
        return None

    def _doubt(self, segment: Segment) -> None:
        self._doubted.append(segment)
        self._join(segment)

    def _join(self, segment: Segment) -> None:
        self._sure.join(segment)
        self._unproven = None


def track_of(
    camera_id: str,
    number: int,
    segment: Segment,
    is_final: bool,
    *,
    is_doubted: bool = False,
    is_tentative: bool = False,
) -> PlateTrack:
    return PlateTrack(
        camera_id=camera_id,
        number=number,
        started_at=segment.started_at,
        ended_at=segment.ended_at,
        look_count=segment.fusion.look_count,
        distribution=segment.fusion.distribution(),
        evidence=segment.evidence,
        is_final=is_final,
        looks=tuple(segment.looks),
        place=segment.place,
        direction=direction_of(segment.first_box, segment.last_box),
        is_doubted=is_doubted,
        is_tentative=is_tentative,
    )


def _seconds(frame: Frame) -> float:
    return frame.captured_at.timestamp()
