"""The process that decides the reads which cameras sent: a child of `kakou run`, beside the one that takes them."""

import contextlib
import logging
import os
import time
from dataclasses import replace
from datetime import timedelta

from alerts.box_status import SendingDevice
from alerts.outbox import Outbox
from kakou.box.booth_teller import Teller, booth_teller
from kakou.box.counts import counts_path, save_counts
from kakou.box.group import LineWriter
from kakou.box.orders import Order, run_by_order
from kakou.box.reporter import STATUS_EVERY_S, CameraReporter
from kakou.box.supervisor import Heartbeat
from kakou.exit_codes import ExitCode
from kakou.process import Standing, stop_on_signals
from kakou.wiring.box import Box
from kakou.wiring.clock import deletable_at, trusted_clock
from kakou.wiring.reads import open_journal, open_quarantine
from ocr.decoding import PictureDecoder
from ocr.types import BgrImage, OcrError
from pipeline.reads.arrivals import Arrivals
from pipeline.reads.device_state import report_from
from pipeline.reads.journal import Journal
from pipeline.reads.looking import Decode, Looking
from pipeline.reads.settings import DeviceSettings
from pipeline.reads.trial import everything_listed
from pipeline.types import ScreeningCounts
from pipeline.walk.deciding import Decider, PassageRule

IDLE_S = 0.03
"""How often the journal is asked while nothing comes."""

LOOK_EVERY_S = 0.5
"""At where this process stands among the others."""

log = logging.getLogger(__name__)


def decide_by_order(order: Order) -> int:
    """Decide what comes until it is told to stop; return the exit code."""
    box = Box.build(order.settings, order.redis_url)
    stop = stop_on_signals()
    heartbeat = Heartbeat(os.environ)
    with contextlib.ExitStack() as stack:
        outbox = stack.enter_context(box.outbox())
        journal = stack.enter_context(contextlib.closing(open_journal(order.settings)))
        decoder = stack.enter_context(PictureDecoder())
        booth = stack.enter_context(contextlib.closing(booth_teller(box)))
        journal.begin_deciding()
        desk = _Desk(box, journal, outbox, decoder, order, booth)
        standing, looked_s = Standing(time.monotonic(), time.process_time()), time.monotonic()
        while not stop.is_set():
            heartbeat.beat()
            if not desk.step():
                stop.wait(IDLE_S)
            if time.monotonic() - looked_s >= LOOK_EVERY_S:
                looked_s = time.monotonic()
                standing.look(looked_s, time.process_time(), has_too_much=desk.has_too_much)
        desk.finish()
    return ExitCode.OK


class _Desk:
    """The devices' reads, their counters, and what the console is told of them."""

    def __init__(
        self, box: Box, journal: Journal, outbox: Outbox, decoder: PictureDecoder, order: Order, booth: Teller
    ) -> None:
        devices = box.settings.reads.devices
        self._box = box
        self._journal = journal
        self._outbox = outbox
        self._booth = booth
        self._write_line = LineWriter(order.as_json, order.show_clear_plates)
        self._file = counts_path(box.settings.state_dir, order.name)
        self._counts = {device.camera_id: ScreeningCounts() for device in devices}
        self._reporters = {
            device.camera_id: CameraReporter(box, device, self._counts[device.camera_id]) for device in devices
        }
        reads = box.settings.reads
        looking = Looking(
            box.reader(),
            _decoding(decoder),
            camera_weight=reads.camera_weight,
            common_errors=reads.common_errors,
            reads_pictures=reads.reads_pictures,
        )
        deciders = {device.camera_id: self._decider(device) for device in devices}
        testers = {device.camera_id: self._tester(device) for device in devices}
        self._arrivals = Arrivals(journal, looking, reads, deciders, self._counts, testers)
        self._quarantine = open_quarantine(box.settings)
        self._deletable_at = deletable_at(trusted_clock(box.settings, is_keeping=False))
        self._remembered = timedelta(hours=reads.replay_window_h)
        self._reported_s = 0.0

    def step(self) -> bool:
        """Decide what is there; return whether there was anything."""
        now_s = time.monotonic()
        count, passages = self._arrivals.step(now_s)
        for passage in passages:
            self._booth.passed(passage)
            self._write_line(passage)
            self._reporters[passage.camera_id].passed(passage)
        if now_s - self._reported_s >= STATUS_EVERY_S:
            self._reported_s = now_s
            self._tidy()
            self._report()
        return count > 0

    @property
    def has_too_much(self) -> bool:
        return self._arrivals.is_catching_up

    def finish(self) -> None:
        for passage in self._arrivals.finish():
            self._write_line(passage)
        self._tidy()
        self._report()
        for reporter in self._reporters.values():
            reporter.close()

    def _decider(self, device: DeviceSettings) -> Decider:
        settings, counts = self._box.settings.pipeline, self._counts[device.camera_id]
        screening = self._box.screening(device.checkpoint, self._outbox, counts, self._booth.in_view)
        # The camera has seen its vehicle in many frames before it sent the one.
        return Decider(replace(PassageRule.of(settings.track), min_looks=1), screening)

    def _tester(self, device: DeviceSettings) -> Decider:
        """Return what flags whatever it is given as a replay, for which nobody is sent out."""
        real = self._box.screening(device.checkpoint, self._outbox, ScreeningCounts())
        flagging = replace(real.flagging, is_replay=True)
        screening = replace(real, flagging=flagging, match=everything_listed)
        return Decider(replace(PassageRule.of(self._box.settings.pipeline.track), min_looks=1), screening)

    def _tidy(self) -> None:
        now = self._deletable_at()
        self._arrivals.tidy(now - self._remembered if now else None)
        self._quarantine.purge(now)

    def _report(self) -> None:
        self._arrivals.note_progress()
        waiting, said = self._journal.waiting_count(), self._journal.said_of_devices()
        for device in self._box.settings.reads.devices:
            report, counts = report_from(said.get(device.device_id)), self._counts[device.camera_id]
            counts.clock_offset_s = report.clock_offset_s
            counts.frames = report.reads
            status = SendingDevice(
                maker=device.maker,
                last_message_at=report.last_message_at,
                waiting=waiting,
                resent=report.resent,
                refused=report.refused,
                refused_at=report.refused_at,
                why_refused=report.why_refused,
                quarantined=report.quarantined,
                why_quarantined=report.why_quarantined,
                broken_pictures=report.broken_pictures,
            )
            self._booth.report(self._reporters[device.camera_id].report(self._outbox, status))
        save_counts(self._file, self._counts)


def _decoding(decoder: PictureDecoder) -> Decode:
    def decode(content: bytes) -> BgrImage | None:
        try:
            return decoder.decode(content, "a camera's picture").image
        except OcrError as error:
            log.warning("%s", error)
            return None

    return decode


if __name__ == "__main__":
    run_by_order(decide_by_order)
