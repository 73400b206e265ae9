"""Help and complaints of the command line in the user's language: English as typer says it, or Chinese."""

import os
import re
import tomllib
from importlib import resources
from typing import TYPE_CHECKING, cast

import typer
from rich.console import Console
from rich.markup import escape
from rich.padding import Padding
from rich.panel import Panel
from rich.table import Table
from typer.core import TyperArgument, TyperCommand, TyperGroup, TyperOption

if TYPE_CHECKING:
    from rich.markdown import Markdown
    from typer._click.core import Command, Context
    from typer._click.formatting import HelpFormatter

EVERY_COMMAND = "*"
UNSPOKEN = "footage"
"""`kakou replay PATH` says this word to itself."""
KINDS = {"<path>": "路径", "<str>": "文字", "<int>": "整数", "<float>": "数", "<bool>": ""}
"""What a value is, in typer's words and ours; a switch has none."""
COMPLAINTS = (
    (r"^Missing (?:argument|option) '(.+?)'\.", r"缺少 \1。"),
    (r"^No such option: (\S+)", r"没有选项 \1"),
    (r"^No such command '(.+?)'\.?", r"没有命令 \1"),
    (r"^Option '(.+?)' requires an argument\.", r"选项 \1 后面要有值。"),
    (r"^Option '(.+?)' does not take a value\.", r"选项 \1 不带值。"),
    (r"^Got unexpected extra argument(?:\(s\)|s)? \((.*)\)", r"多出的参数：\1"),
    (r"^Invalid value for '(.+?)' / '(.+?)': ", r"\1（\2）的值不对："),
    (r"^Invalid value for '?(.+?)'?: ", r"\1 的值不对："),
    (r"^Invalid value: ", "值不对："),
    (r"the path is empty\. A variable.*", "路径是空的：脚本里的变量可能没有值。"),
    (r"^Option '(.+?)' was given (\d+) times.*", r"选项 \1 写了 \2 次，不知道用哪一个：只写一次。"),
    (r" \(Possible options: (.*)\)$", r"（可能是 \1）"),
    (r" Did you mean (.+?)\?$", r"，是不是 \1？"),
    (r"Input should be a valid number.*", "应为数"),
    (r"Input should be a valid integer.*", "应为整数"),
    (r"Input should be greater than or equal to (\S+)", r"不能小于 \1"),
    (r"Input should be less than or equal to (\S+)", r"不能大于 \1"),
    (r"Value error, '(.*)' is not one of (.+?)\.", r"“\1”不是 \2 之一"),
)
"""What typer complains of, as it says it and as we do."""


def speaks_chinese() -> bool:
    """Return whether the user's locale is Chinese."""
    chosen = next((os.environ[name] for name in ("LC_ALL", "LC_MESSAGES", "LANG") if os.environ.get(name)), "")
    return chosen.startswith("zh")


def chinese_help() -> dict[str, dict[str, str]]:
    """Return what is said in Chinese of each command and its parameters."""
    said = tomllib.loads((resources.files("kakou") / "help.zh.toml").read_text(encoding="utf-8"))
    return cast("dict[str, dict[str, str]]", said)


class SpokenCommand(TyperCommand):
    """A command whose help is in the user's language."""

    def parse_args(self, ctx: "Context", args: list[str]) -> list[str]:
        _refuse_unclear(self, ctx, args)
        return super().parse_args(ctx, args)

    def format_help(self, ctx: "Context", formatter: "HelpFormatter") -> None:
        if speaks_chinese():
            _print_help(self, ctx, {})
        else:
            super().format_help(ctx, formatter)


class SpokenGroup(TyperGroup):
    """Commands below a word; their help is in the user's language."""

    def parse_args(self, ctx: "Context", args: list[str]) -> list[str]:
        _refuse_unclear(self, ctx, args)
        return super().parse_args(ctx, args)

    def format_help(self, ctx: "Context", formatter: "HelpFormatter") -> None:
        if speaks_chinese():
            _print_help(self, ctx, {name: self.get_command(ctx, name) for name in self.list_commands(ctx)})
        else:
            super().format_help(ctx, formatter)


def spoken(app: typer.Typer) -> typer.Typer:
    """Let an application's commands, and those below them, speak the user's language."""
    for command in app.registered_commands:
        command.cls = SpokenCommand
    for group in app.registered_groups:
        if group.typer_instance is not None:
            spoken(group.typer_instance)
    if not (isinstance(app.info.cls, type) and issubclass(app.info.cls, SpokenGroup)):
        app.info.cls = SpokenGroup
    return app


def _refuse_unclear(command: "Command", ctx: "Context", args: list[str]) -> None:
    """Refuse what the parser would pass in silence: an empty path (the current folder), and one of two values."""
    if not args or ctx.resilient_parsing:
        return
    values, _, order = command.make_parser(ctx).parse_args(args=list(args))
    for given in dict.fromkeys(() if "help" in values else order):
        if not isinstance(given, TyperArgument | TyperOption):
            continue
        value = values.get(given.name or "")
        is_path = "path" in (given.display_type(ctx) or "").lower()
        if is_path and "" in (value if isinstance(value, list | tuple) else (value,)):
            said = "the path is empty. A variable of a script may have no value."
            raise typer.BadParameter(said, ctx=ctx, param=given)
        is_one = isinstance(given, TyperOption) and not (given.multiple or given.is_flag)
        if is_one and order.count(given) > 1:
            ctx.fail(f"Option '{given.opts[-1]}' was given {order.count(given)} times: give it once.")


def complain(error: Exception) -> bool:
    """Say in Chinese what typer complains of and how the command is used; return False where that is not for us."""
    if not (speaks_chinese() and hasattr(error, "format_message")):
        return False
    if type(error).__name__ == "NoArgsIsHelpError":  # the help has been printed
        return True
    said = error.format_message()
    for english, chinese in COMPLAINTS:
        said = re.sub(english, chinese, said)
    messages = Console(stderr=True, highlight=False)
    messages.print(f"[red]错误[/red] {escape(said)}", soft_wrap=True)
    context: Context | None = getattr(error, "ctx", None)
    if context is not None:
        messages.print(f"{escape(_usage(context.command, context))}\n{_path(context)} --help：查看用法", soft_wrap=True)
    return True


def _path(ctx: "Context") -> str:
    """Return a command's words as the user writes them, whatever file was started."""
    return " ".join(word for word in _words(ctx) if word != UNSPOKEN)


def _words(ctx: "Context") -> list[str]:
    """Return the names of a command and of those above it; the first is ours, also under `python -m kakou.main`."""
    return ["kakou"] if ctx.parent is None else [*_words(ctx.parent), ctx.info_name or ""]


def _usage(command: "Command", ctx: "Context") -> str:
    said = {"[OPTIONS]": "[选项]", "COMMAND [ARGS]...": "命令 [参数]..."}
    pieces = [re.sub(r"{(.+?)(\.\.\.)?}", r"\1", piece) for piece in command.collect_usage_pieces(ctx)]
    pieces = [piece.upper() if piece.strip("[]").isidentifier() else piece for piece in pieces]
    return " ".join([f"用法：{_path(ctx)}", *(said.get(one, one) for one in pieces)])


def _print_help(command: "Command", ctx: "Context", below: dict[str, "Command | None"]) -> None:
    everything, path = chinese_help(), " ".join(_words(ctx))
    own = everything.get(path, {})
    words = everything[EVERY_COMMAND] | own
    page = Console(highlight=False)
    page.print(Padding(escape(_usage(command, ctx)), (1, 1)))
    page.print(Padding(_markdown(_joined(own.get("says", command.help or ""))), (0, 1, 1, 1)))
    given = [one for one in command.get_params(ctx) if not getattr(one, "hidden", False)]
    arguments = [_row(one, ctx, words) for one in given if isinstance(one, TyperArgument)]
    options = [_row(one, ctx, words) for one in given if isinstance(one, TyperOption)]
    commands = [
        (name, "", _headline(everything, f"{path} {name}", one))
        for name, one in below.items()
        if one and not one.hidden
    ]
    for title, rows in (("参数", arguments), ("选项", options), ("命令", commands)):
        if rows:
            page.print(_panel(title, rows))


def _row(given: TyperArgument | TyperOption, ctx: "Context", words: dict[str, str]) -> tuple[str, str, str]:
    """Return a parameter's names, what its value is, and what is said of it."""
    kind = _kind(given.display_type(ctx) or "")
    if isinstance(given, TyperArgument):
        names = given.metavar or str(given.name).upper()
        kind = "" if kind == f"<{names}>" else kind
    else:
        names, kind = ", ".join(sorted(given.opts, key=len)), given.metavar or kind
    kind += "".join(f" {sign} {end:g}" for sign, end in (("≥", given.min), ("≤", given.max)) if end is not None)
    said = words.get(given.name or "", given.help or "")
    if given.required:
        said += "（必填）"
    elif given.default not in {None, False, ""} and not callable(given.default):
        said += f"（默认 {given.default}）"
    return names, kind, said


def _kind(typers: str) -> str:
    return KINDS.get(re.sub(r"list\[(.+)\]| range", r"\1", typers).lower(), typers)


def _joined(said: str) -> str:
    """Return the text without the line ends inside a sentence, which would be shown as spaces."""
    return re.sub(r"(?<=[^\x00-\x7f])\n(?=[^\n-])", "", said)


def _markdown(said: str) -> "Markdown":
    from rich.markdown import Markdown  # its parser is a quarter of what `kakou` loads, and only help is written in it

    return Markdown(said)


def _headline(everything: dict[str, dict[str, str]], path: str, command: "Command") -> str:
    said = _joined(everything.get(path, {}).get("says", command.help or "").strip())
    return " ".join(said.split("\n\n")[0].split())


def _panel(title: str, rows: list[tuple[str, str, str]]) -> Panel:
    table = Table.grid(padding=(0, 2), expand=True)
    table.add_column(style="bold cyan", no_wrap=True)
    table.add_column(style="yellow")
    table.add_column(ratio=1)
    for names, kind, said in rows:
        table.add_row(escape(names), escape(kind), _markdown(said))
    return Panel(table, title=title, title_align="left", border_style="dim")
