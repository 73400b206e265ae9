"""What can go wrong in alerts, by class."""


class AlertsError(Exception):
    """Something about an event, its queue or its delivery failed; the message says what and what to do."""


class OutboxError(AlertsError):
    """The outbox could not keep or give an event: the frame must not be released as if it were kept."""


class EventError(AlertsError):
    """These bytes are not an event that this version understands."""
