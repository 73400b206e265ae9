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
    if name is None:
        raise typer.Exit(_python("bench", "--list").returncode)
    names = _python("bench", "--list", is_read=True).stdout.split()
    if name not in names:
        messages.print(f"没有名为 {name} 的测试；名称写在选项前，可用的有：{' '.join(names)} (no such bench)")
        raise typer.Exit(ExitCode.USAGE)
    raise typer.Exit(_python(f"bench.{name}", *context.args).returncode)


def _python(*arguments: str, is_read: bool = False) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", *arguments]
    return subprocess.run(command, cwd=REPOSITORY, check=False, text=True, stdout=subprocess.PIPE if is_read else None)
