"""Whether a camera is opened with its sub-stream: what crashes its decoder takes the main stream along."""

import time
from collections.abc import Callable

WITHIN_S = 3600.0
"""Two crashes within this time, or one so soon after it was tried again, and the camera is opened without it."""
AGAIN_S, LONGEST_S = 3600.0, 86400.0
"""Then it is tried again, and after twice as long each time that this fails: trying it may cost seconds of pictures,
leaving it out costs processor time alone. For the same reason it is left out also where the main stream may be what
crashes: one process decodes both, and its end does not tell."""


class SubStreamTrust:
    """One camera's, over all its connections; moments are monotonic seconds."""

    def __init__(self, uri: str | None, now_s: Callable[[], float] = time.monotonic) -> None:
        self._uri = uri
        self._now_s = now_s
        self._crashed_s = self._tried_again_s = float("-inf")
        self._left_out_until_s: float | None = None
        self._wait_s = AGAIN_S

    def to_open(self) -> str | None:
        """Return the sub-stream to open the camera with; None where there is none, or none for now."""
        if self.is_due:
            self._left_out_until_s, self._tried_again_s = None, self._now_s()
        return None if self.is_left_out else self._uri

    def crashed(self) -> None:
        """Be told that the decoder has crashed."""
        now_s = self._now_s()
        failed_again = now_s - self._tried_again_s <= WITHIN_S
        is_second = now_s - self._crashed_s <= WITHIN_S
        self._crashed_s = now_s
        if self._uri is None or self.is_left_out or not (failed_again or is_second):
            return
        self._wait_s = min(2 * self._wait_s, LONGEST_S) if failed_again else AGAIN_S
        self._left_out_until_s = now_s + self._wait_s

    @property
    def is_left_out(self) -> bool:
        return self._left_out_until_s is not None

    @property
    def is_due(self) -> bool:
        """Whether it is to be tried again."""
        return self._left_out_until_s is not None and self._now_s() >= self._left_out_until_s
