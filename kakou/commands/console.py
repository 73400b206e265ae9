"""`kakou console`: serves the command screen and the grid worker's phone page."""

import threading
from pathlib import Path
from typing import Annotated

import typer

from console.settings import ConsoleSettings
from kakou.box.console import serve
from kakou.process import log_to_stderr
from kakou.settings import load_settings
from kakou.state_format import alone, require_known_format
from kakou.sunset.guard import until_sunset

app = typer.Typer(add_completion=False, rich_markup_mode="markdown")


@app.command()
def console(
    config: Annotated[Path | None, typer.Option("--config", help="Settings file; ./kakou.toml when left out.")] = None,
    host: Annotated[str | None, typer.Option(help="Address to listen on, in place of the settings'.")] = None,
    port: Annotated[int | None, typer.Option(help="Port, in place of the settings'; 0 takes a free one.")] = None,
) -> None:
    """Serve the console until Ctrl-C; prints its address, and a one-time link while there is no administrator.

    Exit code 4 when Redis cannot be started, 5 when the settings are wrong.

    Examples:

    - `kakou console`
    - `kakou console --config kakou.toml --port 8443`

    With PostgreSQL (`[console] database_url`) several may run, each with a port of its own.
    """
    settings = load_settings(config)
    chosen = {name: value for name, value in (("host", host), ("port", port)) if value is not None}
    log_to_stderr()
    stop = threading.Event()
    require_known_format(settings.state_dir)
    settings = settings.model_copy(update={"console": settings.console.model_copy(update=chosen)})
    with alone(settings.state_dir, _name_of(settings.console)), until_sunset(settings, stop):
        serve(settings, stop)


def _name_of(settings: ConsoleSettings) -> str:
    """Several consoles share a state folder where they share a PostgreSQL; a SQLite has one."""
    return f"console {settings.port}" if settings.database_url else "console"
