"""What can go wrong in alerts, by class."""


class AlertsError(Exception):
    """Something about an event, its queue or its delivery failed; the message says what and what to do."""


class OutboxError(AlertsError):
    """The outbox could not keep or give an event: the frame must not be released as if it were kept."""


class EventError(AlertsError):
    """These bytes are not an event that this version understands."""


def place_of(error: Exception) -> str:
    """Return type and place of an error without its message, which may hold a plate."""
    trace = error.__traceback__
    while trace and trace.tb_next:
        trace = trace.tb_next
    place = f" at {trace.tb_frame.f_code.co_name}:{trace.tb_lineno}" if trace else ""
    return f"{type(error).__name__}{place}"
