"""The pipeline's errors."""


class SourceError(Exception):
    """A source cannot be opened or read; the message says which, why, and what to do."""


class UnsteadyDecodingError(SourceError):
    """Footage is damaged, and several decoder threads make something else of it each time: decode it with one."""


class ReadsError(Exception):
    """What a camera sent is not taken or cannot be used; the message says why, without a plate."""
