"""What an error that reaches the top of a process says, and the exit code it ends with."""

from rich.console import Console
from rich.markup import escape

from kakou.exit_codes import ExitCode


def report_error(error: Exception) -> int:
    """Print what the user can mend and return the exit code; raise again what is a fault of ours."""
    code = _exit_code_of(error)
    if code is None:
        raise error
    Console(stderr=True, highlight=False).print(f"[red]错误[/red] {escape(str(error))}", soft_wrap=True)
    return code


def _exit_code_of(error: Exception) -> int | None:
    """Return the exit code for an error whose message tells the user what to do; None for a fault of ours."""
    codes: dict[str, ExitCode] = {
        "SettingsError": ExitCode.CONFIG,
        "RedisUnavailableError": ExitCode.UNAVAILABLE,
        "RiskDBError": ExitCode.UNAVAILABLE,
        "ConsoleError": ExitCode.CONFIG,
        "ProviderError": ExitCode.UNAVAILABLE,
        "OcrError": ExitCode.INTEGRITY,
        "SourceError": ExitCode.UNREADABLE,
        "SpoolKeyError": ExitCode.INTEGRITY,
    }
    return next((int(codes[kind.__name__]) for kind in type(error).__mro__ if kind.__name__ in codes), None)
