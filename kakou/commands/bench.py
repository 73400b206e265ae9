"""`kakou bench`: run the benches of the repository on this machine."""

import subprocess
import sys
from pathlib import Path
from typing import Annotated

import typer

from kakou.exit_codes import ExitCode
from kakou.terminal import stderr

REPOSITORY = Path(__file__).parents[2]

app = typer.Typer(add_completion=False, rich_markup_mode="markdown")


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def bench(
    context: typer.Context,
    name: Annotated[str | None, typer.Argument(help="Which bench; without a name they are listed.")] = None,
) -> None:
    """Run one bench; further options go to it (--json FILE, --check).

    Examples:

    - `kakou bench`
    - `kakou bench walk --json walk.json`
    """
    messages = stderr()
    if not (REPOSITORY / "bench").is_dir():
        messages.print("no benches here: run this from a checkout of the repository")
        raise typer.Exit(ExitCode.USAGE)
    arguments = [f"bench.{name}", *context.args] if name else ["bench", "--list"]
    done = subprocess.run([sys.executable, "-m", *arguments], cwd=REPOSITORY, check=False)
    raise typer.Exit(done.returncode)
