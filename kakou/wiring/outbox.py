"""The outbox of a state folder: one way to open it, so that whoever writes to it holds its reserve, too."""

from alerts.outbox import Outbox
from kakou.settings import Settings


def open_outbox(settings: Settings) -> Outbox:
    """Open or create it, with the room that is set aside for events on a full disk. Raises OutboxError."""
    return Outbox(settings.state_dir / "outbox.sqlite", reserve_bytes=settings.alerts.reserve_mib * 2**20)
