"""The pipeline's one error."""


class SourceError(Exception):
    """A source cannot be opened or read; the message says which, why, and what to do."""
