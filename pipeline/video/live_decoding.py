"""What becomes of a live source's packets: which are decoded, and which pictures are offered to the parent."""

import time
from collections import OrderedDict, deque

import av

from pipeline.video.capture_protocol import CaptureRequest, FrameReady, Progress
from pipeline.video.ffmpeg import VideoStream
from pipeline.video.hand_over import SLOT, HandOver
from pipeline.video.live_packets import Arrived, LivePackets
from pipeline.video.motion import MotionGate
from pipeline.video.picture_health import PictureHealth
from pipeline.video.pictures import luma_of, shown_size
from pipeline.video.rough_watch import RoughWatch
from pipeline.video.still_groups import FIRST_AFTER_MS, StillGroups
from pipeline.video.sub_stream import SubStream
from pipeline.video.vouching import Vouching

FRESH_S = 0.05
"""A frame that waits for the parent gives way to a newer one when it is older than the line made it by this much."""
UNDECODABLE_S = 5.0
"""A decoder that gives no picture for this long, while packets come, cannot read them."""
MAX_REORDERED = 64
"""Frames that a decoder holds back while it puts them in order; the standards allow 16."""


class LiveDecoding:
    """Decodes what arrived and offers the frames that the gate wants."""

    def __init__(
        self,
        stream: VideoStream,
        request: CaptureRequest,
        hand_over: HandOver,
        arrivals: LivePackets,
        sub_stream: SubStream | None = None,
    ) -> None:
        self._stream = stream
        self._gate = MotionGate(request.gate, request.regions)
        self._hand_over = hand_over
        self._moments: OrderedDict[int | None, Arrived] = OrderedDict()
        self._opened_s = self._decoded_s = time.monotonic()
        self._health = PictureHealth(request.quality_hold_s, request.regions)
        self._arrivals = arrivals
        self._decoded_ms: deque[float] = deque(maxlen=MAX_REORDERED)
        self._groups = StillGroups()
        self._watch = RoughWatch(stream, self._groups)
        self._waiting = 0
        self._shown_pts: int | None = None
        self._is_releasing = False
        self._keeps_groups = request.gate.enabled and request.gate.skip_still_groups
        self._is_interlaced = False
        self._spared = 0
        self._vouching = Vouching(sub_stream, arrivals)
        self.late_s = 0.0

    def run(self) -> None:
        for arrived in self._arrivals.in_order():
            self._take(arrived)
        if not self._watch.is_on:
            self._decode_kept()

    def _take(self, arrived: Arrived) -> None:
        groups, offset_ms = self._groups, self._offset_ms(arrived)
        if arrived.begins_group:
            self._begin_group(arrived, offset_ms)
            return
        is_unusual = groups.is_unusual(arrived, offset_ms)
        if not groups.is_keeping:
            self._decode(arrived)
            return
        if not (self._watch.is_on and self._is_spare(arrived)):
            groups.keep(arrived)
        if self._watch.is_on:
            self._decode(arrived)
            if self._watch.is_on and groups.is_full(offset_ms):
                self._see_as_it_is()
            return
        self._waiting += 1
        if groups.is_vouched:
            is_unusual = self._vouching.wakes()
        if is_unusual or groups.is_full(offset_ms):
            self._decode_kept()

    def _begin_group(self, first: Arrived, offset_ms: float) -> None:
        """Decode the group's first picture; where it shows nothing new, what was kept before it is given up."""
        groups, gate = self._groups, self._gate
        if self._watch.is_on:
            # Every picture of it has been seen.
            self._show(self._watch.finish(), first)
            groups.released()
        if groups.is_vouched and groups.is_keeping and not self._vouching.is_still_until(first.captured_s):
            self._decode_kept()
        frame = self._alone(first) if groups.is_keeping else None
        goes_on = frame is not None and gate.is_still(luma_of(frame))
        if goes_on:
            self._give_up_kept()
        else:
            self._decode_kept()
        groups.begins(offset_ms, gate.moved_ms)
        if not goes_on:
            may_keep = self._may_keep(first)
            is_watched = not may_keep and self._may_watch(first)
            if is_watched != self._watch.is_on:
                self._show(self._stream.finish(), first)
                self._watch.turn(is_on=is_watched)
            frame = self._alone(first) if may_keep else None
        if frame is None:
            if self._watch.is_on:
                self._watch.begin(first)
            self._decode(first)
            return
        self._decoded_ms.append(offset_ms)
        self._stream.take(frame)
        self._look(first, groups.lasted_ms if goes_on else 0.0)
        groups.keep(first)
        self._vouching.begin(first.captured_s)
        if gate.moved_ms >= offset_ms:
            self._decode_kept()

    def _can_wait(self, first: Arrived) -> bool:
        return self._keeps_groups and not self._is_interlaced and first.packet.pts is not None

    def _may_watch(self, first: Arrived) -> bool:
        can_be = self._can_wait(first) and self._stream.can_be_rough
        return can_be and self._groups.may_watch(self._gate.moved_ms)

    def _see_as_it_is(self) -> None:
        last_s = self._watch.see_as_it_is()
        self._arrivals.catch_up(time.monotonic() - last_s)

    def _may_keep(self, first: Arrived) -> bool:
        if not self._can_wait(first):
            return False
        is_vouched = self._vouching.may_stand_in(self._gate.scene, first.captured_s)
        return self._groups.may_keep(self._gate.moved_ms, is_vouched=is_vouched)

    def _alone(self, first: Arrived) -> av.VideoFrame | None:
        """Return this picture by itself; the decoder holds none before it and none after."""
        self._show(self._stream.finish(), first)
        frames = [*self._stream.decoded(first.packet), *self._stream.finish()]
        return frames[-1] if frames else None

    def _give_up_kept(self) -> None:
        """Nobody would have looked at them."""
        count = len(self._groups.released()) - 1
        self._stream.frames += count
        self._spared += count
        self._waiting = 0

    def _decode_kept(self) -> None:
        kept = self._groups.released()
        if not kept:
            return
        self._shown_pts = kept[0].packet.pts
        self._is_releasing = True
        for index, each in enumerate(kept):
            self._decode(each)
            self._waiting = len(kept) - 1 - index
        self._have_patience(time.monotonic() - kept[-1].captured_s)

    def _have_patience(self, late_s: float) -> None:
        """Of what was kept, only what moves is worth being late for, and worth being called late."""
        if self._is_releasing:
            self._is_releasing = False
            self._arrivals.catch_up(late_s)

    def _decode(self, arrived: Arrived) -> None:
        if self._is_spare(arrived):
            # Nothing refers to it and nobody would look at it.
            self._stream.frames += 1
            self._spared += 1
            return
        self._decoded_ms.append(self._offset_ms(arrived))
        self._moments[arrived.packet.pts] = arrived
        while len(self._moments) > MAX_REORDERED:
            self._moments.popitem(last=False)
        frames = self._stream.decoded(arrived.packet)
        if not frames and time.monotonic() - self._decoded_s > UNDECODABLE_S:
            self._health.undecodable(time.monotonic())
        self._show(frames, arrived)

    def _show(self, frames: list[av.VideoFrame], arrived: Arrived) -> None:
        for frame in frames:
            moment = self._moments.pop(frame.pts, arrived)
            if frame.pts is not None and frame.pts == self._shown_pts:
                # It has been seen, alone, before those that follow it were decoded.
                self._shown_pts = None
                continue
            self._stream.take(self._watch.as_it_is(frame))
            self._look(moment)

    def progress(self) -> Progress:
        undecoded = self._arrivals.undecoded
        return Progress(
            frames=self._frames,
            offset_ms=self._stream.offset_ms,
            dropped=self._hand_over.dropped + undecoded,
            undecoded=undecoded,
            late_s=self.late_s,
            clock_offset_s=self._arrivals.clock_offset_s,
            quality=self._health.quality,
            spared=self._spared,
            clock_box=self._gate.clock_box,
            sub_stream=self._vouching.state,
            sub_stream_reason=self._vouching.reason,
        )

    @property
    def _frames(self) -> int:
        come = self._arrivals.count if self._vouching.is_awaiting else 0
        return self._stream.frames + self._arrivals.undecoded + self._waiting + come

    def _is_spare(self, arrived: Arrived) -> bool:
        """Return whether it can be left out: it is not due so shortly after one that was decoded, shown yet or not."""
        offset_ms = self._offset_ms(arrived)
        newest_ms = max((each for each in self._decoded_ms if each <= offset_ms), default=float("-inf"))
        return arrived.is_disposable and offset_ms - newest_ms < self._gate.interval_ms(offset_ms)

    def _offset_ms(self, arrived: Arrived) -> float:
        return (arrived.captured_s - self._opened_s) * 1000.0

    def _look(self, arrived: Arrived, gap_ms: float = 0.0) -> None:
        """Look at the frame that was taken; `gap_ms`: how much before it nobody has looked at."""
        stream = self._stream
        now_s = self._decoded_s = time.monotonic()
        is_glance = self._watch.is_on and not arrived.begins_group
        if not is_glance:
            self._health.look(stream.luma(), now_s, is_key=stream.is_key)
        late_s = now_s - arrived.captured_s
        # Never backwards: the offset between the clocks is still being found.
        stream.offset_ms = max(stream.offset_ms, self._offset_ms(arrived))
        assert stream.frame is not None
        self._is_interlaced |= stream.frame.interlaced_frame
        is_due = self._gate.is_due(stream.offset_ms) or (self._watch.is_on and arrived.begins_group)
        is_wanted = is_due and self._is_wanted(late_s, gap_ms, is_glance=is_glance)
        waited_s = self._vouching.take_waited_s()
        if not self._is_releasing:
            self.late_s = max(0.0, late_s - waited_s)
        if not is_wanted:
            return
        if self._watch.is_on and self._gate.moved_ms >= stream.offset_ms:
            self._see_as_it_is()
            self._groups.was_misled(is_misled=is_glance and self._gate.is_still(stream.luma()))
        frame = stream.frame
        shape = shown_size(frame)
        now_s, now = time.monotonic(), time.time()
        arrived_at = now - (now_s - arrived.arrived_s)
        undecoded = self._arrivals.undecoded
        ready = FrameReady(
            slot=SLOT,
            height=shape[0],
            width=shape[1],
            index=stream.frames + undecoded - 1,
            offset_ms=stream.offset_ms,
            # The offset never goes back, not even behind a frame whose time was too late: none is later than it came.
            captured_at=min(arrived_at, now - (now_s - self._opened_s) + stream.offset_ms / 1000.0),
            arrived_at=arrived_at,
            frames=self._frames,
            dropped=0,
            moved=self._gate.places(shape, stream.offset_ms),
        )
        self._hand_over.offer(frame, ready, self._arrivals.lateness_s + FRESH_S)

    def _is_wanted(self, late_s: float, gap_ms: float, *, is_glance: bool) -> bool:
        stream, moved_before_ms = self._stream, self._gate.moved_ms
        if is_glance:
            is_wanted = self._gate.glances(stream.luma(), stream.offset_ms)
        else:
            rough_ms = self._groups.lasted_ms if self._watch.is_on else 0.0
            is_wanted = self._gate.wants(stream.luma(), stream.offset_ms, gap_ms, rough_ms)
        if self._gate.moved_ms > moved_before_ms:
            self._groups.moved(stream.offset_ms, moved_before_ms)
            self._have_patience(late_s)
            # What an encoder changes with each picture that stands by itself is no movement that another would show.
            if 0 <= moved_before_ms < stream.offset_ms - FIRST_AFTER_MS and not stream.is_key:
                self._vouching.main_moved(self._opened_s + stream.offset_ms / 1000.0)
        return is_wanted
