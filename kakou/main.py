"""The `kakou` command."""

import importlib
import importlib.metadata
import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, cast

import typer

from kakou.errors import report_error
from kakou.exit_codes import ExitCode
from kakou.extras import missing_sentence
from kakou.foreign import require_our_packages
from kakou.spoken import SpokenGroup, complain, spoken

if TYPE_CHECKING:
    from typer._click.core import Command, Context

COMMANDS = {
    "demo": "kakou.commands.demo",
    "run": "kakou.commands.run",
    "read": "kakou.commands.read",
    "reads": "kakou.commands.reads",
    "replay": "kakou.commands.replay",
    "risk": "kakou.commands.risk",
    "match": "kakou.commands.match",
    "events": "kakou.commands.events",
    "deliver": "kakou.commands.deliver",
    "console": "kakou.commands.console",
    "booth": "kakou.commands.booth",
    "audit": "kakou.commands.audit",
    "sunset": "kakou.commands.sunset",
    "backup": "kakou.commands.backup",
    "restore": "kakou.commands.restore",
    "doctor": "kakou.commands.doctor",
    "install": "kakou.commands.install",
    "bench": "kakou.commands.bench",
}

USAGE_ERROR = cast("type[Exception]", typer.BadParameter.__base__)
"""What all mistakes of a command line are; typer gives it no public name."""


class LazyGroup(SpokenGroup):
    """Imports a command only when it is called, so that `kakou read` does not wait for the console's libraries."""

    def list_commands(self, ctx: "Context") -> list[str]:  # noqa: ARG002  click's signature
        return list(COMMANDS)

    def get_command(self, ctx: "Context", cmd_name: str) -> "Command | None":  # noqa: ARG002  click's signature
        if cmd_name not in COMMANDS:
            return None
        command = typer.main.get_command(spoken(_app_of(cmd_name)))
        command.name = cmd_name
        return command

    def make_context(
        self, info_name: str | None, args: list[str], parent: "Context | None" = None, **extra: object
    ) -> "Context":
        with _complaining():
            return super().make_context(info_name, args, parent, **extra)

    def invoke(self, ctx: "Context") -> object:
        """Run the command; an error of ours ends it with a sentence and the exit code of the one table."""
        try:
            require_our_packages()
            os.umask(0o077)  # whatever is written may hold plates
            with _complaining():
                return super().invoke(ctx)
        except Exception as error:
            raise typer.Exit(report_error(error)) from error


@contextmanager
def _complaining() -> Iterator[None]:
    """End with what typer complains of, in the user's language."""
    try:
        yield
    except USAGE_ERROR as error:
        if complain(error):
            raise typer.Exit(ExitCode.USAGE) from error
        raise


def _app_of(name: str) -> typer.Typer:
    """Return a command's application; where its libraries are not installed here, one that says so when it is run."""
    try:
        found: typer.Typer = importlib.import_module(COMMANDS[name]).app
        return found
    except ModuleNotFoundError as error:
        if missing_sentence(error) is None:
            raise
        missing = error
    absent = typer.Typer(add_completion=False)

    @absent.command(
        help=missing_sentence(missing), context_settings={"allow_extra_args": True, "ignore_unknown_options": True}
    )
    def say_so() -> None:
        raise missing

    return absent


app = typer.Typer(cls=LazyGroup, add_completion=False, no_args_is_help=True, rich_markup_mode="markdown")


@app.callback(invoke_without_command=True, context_settings={"help_option_names": ["-h", "--help"]})
def cli(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Print the version and exit.")] = False,
) -> None:
    """卡口: screen vehicles at checkpoints against high-risk travel histories.

    Examples:

    - `kakou demo`
    - `kakou read photo.jpg --json`
    - `kakou run --config kakou.toml`
    - `kakou risk import records.csv --dry-run`
    """
    if version:
        typer.echo(f"kakou {importlib.metadata.version('kakou')}")
        raise typer.Exit
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())
        raise typer.Exit(ExitCode.USAGE)


def main() -> None:
    """Run the command line and exit with a code of `ExitCode`."""
    # A terminal of GBK or ASCII has no ✓ or ·: shown otherwise, it ends no command.
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")
    app()


if __name__ == "__main__":
    main()
