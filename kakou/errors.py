"""What an error that reaches the top of a process says, and the exit code it ends with."""

from kakou.disk_words import DISK_WORDS, disk_words
from kakou.exit_codes import ExitCode
from kakou.extras import missing_sentence
from kakou.foreign import ForeignPackageError


def report_error(error: Exception) -> int:
    """Print what the user can mend and return the exit code; raise again what is a fault of ours."""
    missing = missing_sentence(error)
    code = ExitCode.UNAVAILABLE if missing else exit_code_of(type(error))
    said = missing or _sentence(error)
    if code is None and isinstance(error, OSError) and error.errno in DISK_WORDS:
        code, said = ExitCode.UNAVAILABLE, disk_words(error)
    if code is None:
        raise error

    from kakou.terminal import marked, stderr  # only a process that has met an error waits for it

    stderr().print(marked("red", "错误", said), soft_wrap=True)
    return code


def exit_code_of(kind: type[Exception]) -> ExitCode | None:
    """Return the exit code for an error whose message tells the user what to do; None for a fault of ours."""
    if kind is ForeignPackageError:  # the table's other classes cannot be imported then
        return ExitCode.CONFIG
    codes = _exit_codes()
    return next((codes[one] for one in kind.__mro__ if one in codes), None)


def _exit_codes() -> dict[type[BaseException], ExitCode]:
    """Return the one table of our errors: a class stands for those below it that have no row of their own.

    Imported here, so that only a process that has met an error waits for it.
    """
    from alerts.channels.base import ChannelConfigError
    from alerts.channels.egress import EgressError
    from alerts.errors import AlertsError, EventError
    from console.people.messengers import MessageError
    from console.store.turns import TurnTimeoutError
    from console.types import ConsoleError
    from kakou.backup.errors import BackupDamagedError, BackupError, NoRoomError
    from kakou.links import AddressError
    from kakou.settings import SettingsError
    from kakou.sunset.state import DatabaseAwayError, SunsetError
    from kakou.wiring.embedded_redis import RedisUnavailableError
    from ocr.providers import ProviderError
    from ocr.types import OcrError
    from pipeline.errors import ReadsError, SourceError
    from riskdb.own_file import OddFileError
    from riskdb.record.values.problem import CellProblem
    from riskdb.types import NewerRecordError, RiskDBError, RiskFileError, RiskIntegrityError

    return {
        SettingsError: ExitCode.CONFIG,
        AddressError: ExitCode.CONFIG,
        SunsetError: ExitCode.CONFIG,  # a supervisor does not start it again
        DatabaseAwayError: ExitCode.UNAVAILABLE,
        BackupError: ExitCode.CONFIG,
        BackupDamagedError: ExitCode.INTEGRITY,
        NoRoomError: ExitCode.UNAVAILABLE,
        RedisUnavailableError: ExitCode.UNAVAILABLE,
        RiskDBError: ExitCode.UNAVAILABLE,
        NewerRecordError: ExitCode.CONFIG,  # a supervisor does not start it again
        RiskFileError: ExitCode.UNREADABLE,
        RiskIntegrityError: ExitCode.INTEGRITY,
        CellProblem: ExitCode.UNREADABLE,
        OddFileError: ExitCode.UNAVAILABLE,  # once it is moved away, the next start goes on
        AlertsError: ExitCode.UNAVAILABLE,  # the outbox, the stream, a receiver
        EventError: ExitCode.UNREADABLE,
        ChannelConfigError: ExitCode.CONFIG,
        EgressError: ExitCode.CONFIG,
        ConsoleError: ExitCode.CONFIG,
        MessageError: ExitCode.UNAVAILABLE,
        TurnTimeoutError: ExitCode.UNAVAILABLE,
        SourceError: ExitCode.UNREADABLE,
        ReadsError: ExitCode.UNREADABLE,
        OcrError: ExitCode.INTEGRITY,
        ProviderError: ExitCode.UNAVAILABLE,
    }


def _sentence(error: Exception) -> str:
    return str(error) or (type(error).__doc__ or type(error).__name__).strip().splitlines()[0]
