"""Moves flagged events from the box's outbox into the stream, in order, and again when Redis has lost them."""

import logging
import threading
import time
from datetime import timedelta

from alerts.aging import DeletableAt, nothing_is_deletable
from alerts.outages import Patience, move_until
from alerts.outbox import Outbox, OutboxError
from alerts.stream import FlaggedStream, StreamError

BATCH = 500
"""Rows per MULTI: about 1.5 MB, which Redis takes in a few milliseconds."""
CHECK_S = 5.0
"""How often the stream is asked whether it still has what it took."""
TIDY_S = 600.0
PATIENCE = Patience(poll_s=0.04, first_pause_s=0.2, longest_pause_s=2.0)

log = logging.getLogger(__name__)


class Relay:
    """One relay per outbox; a second one on the same outbox does no harm."""

    def __init__(
        self,
        outbox: Outbox,
        stream: FlaggedStream,
        *,
        sent_kept: timedelta = timedelta(days=7),
        deletable_at: DeletableAt = nothing_is_deletable,
    ) -> None:
        self._outbox = outbox
        self._stream = stream
        self._sent_kept = sent_kept
        self._checked = self._tidied = 0.0
        self._deletable_at = deletable_at
        self.turned_at = time.monotonic()
        """When its loop last turned, whatever came of it."""

    def step(self) -> int:
        """Move the next rows, at most BATCH; return how many.

        Where to go on is the stream's word, not our memory: a Redis that came back from an old file or empty gets
        the missing events again. Raises StreamError, OutboxError; then the same rows are moved next time.
        """
        outbox_id = self._outbox.outbox_id
        last = self._stream.relayed(outbox_id)
        if not self._outbox.could_have_sent(last.seq, last.event_id):
            # A copy of another box's disk, or a file from a backup. Sending all of it again does no harm.
            log.warning("the stream knows an outbox of this name that went on without this one: taking a new name")
            self._outbox.rename(outbox_id)
            return self.step()
        seq = last.seq
        rows = self._outbox.after(seq, BATCH)
        moved = bool(rows) and self._stream.append(outbox_id, seq, rows)
        sent = rows[-1].seq if moved else seq
        if sent != self._outbox.sent_seq():
            self._outbox.mark_sent(sent)
        return len(rows) if moved else 0

    def run(self, stop: threading.Event) -> None:
        """Relay until `stop` is set; outages are waited out."""
        move_until(stop, self._turn, (StreamError, OutboxError), PATIENCE, "relay waits")

    def _turn(self) -> int:
        """Move what waits; now and then ask whether the stream still has what it took, and tidy up."""
        moved, now = 0, time.monotonic()
        self.turned_at = now
        waiting = self._outbox.last_seq() > self._outbox.sent_seq()
        if waiting or now - self._checked >= CHECK_S:
            moved, self._checked = self.step(), now
        if now - self._tidied >= TIDY_S:
            self._tidy()
            self._tidied = now
        return moved

    def _tidy(self) -> None:
        if deletable_at := self._deletable_at():
            self._outbox.forget_sent(deletable_at - self._sent_kept, deletable_at)
        self._outbox.restore_reserve()
