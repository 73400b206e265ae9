"""Exit codes of every kakou command."""

from enum import IntEnum


class ExitCode(IntEnum):
    OK = 0
    FINDINGS = 1
    """The command worked and found something amiss (a check that failed, a bar that was missed)."""
    USAGE = 2
    UNREADABLE = 3
    """Some inputs could not be read; the rest is done."""
    UNAVAILABLE = 4
    """Something the command depends on, such as Redis, cannot be reached."""
    CONFIG = 5
    INTEGRITY = 6
