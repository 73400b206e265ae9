"""What keeps a backup from being made or put back."""


class BackupError(Exception):
    """No backup can be made or put back like this; the message says what to do."""


class BackupDamagedError(BackupError):
    """A file of a backup is damaged, incomplete or not what it should be; the message names what is hit."""


class NoRoomError(BackupError):
    """A disk is too full for it."""
