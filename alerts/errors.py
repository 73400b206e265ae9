"""What can go wrong in alerts, by class."""


class AlertsError(Exception):
    """Something about an event, its queue or its delivery failed; the message says what and what to do."""


class EventError(AlertsError):
    """These bytes are not an event that this version understands."""
