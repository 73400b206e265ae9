"""The `kakou` command."""

import importlib
import importlib.metadata
import os
from typing import TYPE_CHECKING, Annotated

import typer
from typer.core import TyperCommand, TyperGroup, TyperOption

from kakou.errors import report_error
from kakou.exit_codes import ExitCode
from kakou.extras import missing_sentence
from kakou.foreign import require_our_packages

if TYPE_CHECKING:
    from typer._click.core import Command, Context
    from typer._click.formatting import HelpFormatter

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


CHINESE = {
    "demo": "一次看全：启动 Redis，导入示例名单，排查示例短片",
    "run": "卡口机：排查摄像机",
    "read": "识别照片中的号牌",
    "reads": "相机自己上报的识别结果：试发与检查",
    "replay": "录像回放排查，出报告",
    "risk": "风险名单：导入、风险区、查看、维护",
    "match": "一个号牌是否在名单中，为什么",
    "events": "查看预警、死信，重发",
    "deliver": "把预警投递到各通道",
    "console": "指挥屏和手机页",
    "booth": "卡口岗页面",
    "audit": "核验审计记录",
    "sunset": "日落：到期停止比对并销毁",
    "backup": "备份状态文件夹（加密，密钥分开）",
    "restore": "核对备份，放回空文件夹",
    "doctor": "检查本机是否正常，每项说怎么办",
    "install": "写 systemd 服务单元（box 或 centre）",
    "bench": "测速",
}
"""What `kakou --help` says of each command where the locale is Chinese."""
CHINESE_HELP = """卡口：把过往车辆与高风险行程名单比对，命中的马上说出来。

例：

- `kakou demo`：先看一遍
- `kakou run --config kakou.toml`：卡口机开始工作
- `kakou doctor --config kakou.toml`：检查本机
- `kakou risk import records.csv --dry-run`：预检名单
"""
CHINESE_OPTIONS = {"version": "显示版本后退出", "help": "显示这份说明后退出"}


def speaks_chinese() -> bool:
    """Return whether the user's locale is Chinese."""
    chosen = next((os.environ[name] for name in ("LC_ALL", "LC_MESSAGES", "LANG") if os.environ.get(name)), "")
    return chosen.startswith("zh")


class LazyGroup(TyperGroup):
    """Imports a command only when it is called, so that `kakou read` does not wait for the console's libraries."""

    def list_commands(self, ctx: "Context") -> list[str]:  # noqa: ARG002  click's signature
        return list(COMMANDS)

    def get_command(self, ctx: "Context", cmd_name: str) -> "Command | None":  # noqa: ARG002  click's signature
        if cmd_name not in COMMANDS:
            return None
        command = typer.main.get_command(_app_of(cmd_name))
        command.name = cmd_name
        if speaks_chinese() and cmd_name in CHINESE:
            command.short_help = CHINESE[cmd_name]
            if isinstance(command, TyperCommand | TyperGroup):
                command.rich_help_panel = "命令"
        return command

    def format_help(self, ctx: "Context", formatter: "HelpFormatter") -> None:
        if speaks_chinese():
            self.help = CHINESE_HELP
            for option in self.get_params(ctx):
                if isinstance(option, TyperOption):
                    option.help, option.rich_help_panel = CHINESE_OPTIONS[str(option.name)], "选项"
        super().format_help(ctx, formatter)

    def invoke(self, ctx: "Context") -> object:
        """Run the command; an error of ours ends it with a sentence and the exit code of the one table."""
        try:
            require_our_packages()
            os.umask(0o077)  # whatever is written may hold plates
            return super().invoke(ctx)
        except Exception as error:
            raise typer.Exit(report_error(error)) from error


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
    app()


if __name__ == "__main__":
    main()
