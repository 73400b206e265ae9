"""What a process of the box is told when it starts: its settings and its part of the work, never by arguments.

The parent reads and checks `kakou.toml` once. A child gets the result on its standard input, from memory that has no
name: nobody sees a password in `ps`, and a child that starts again works with what the box started with, whatever
stands in the file by then.
"""

import logging
import os
import sys
from collections.abc import Callable
from typing import NoReturn

from pydantic import BaseModel, ConfigDict, ValidationError

from kakou.box.started import await_turn
from kakou.box.supervisor import Heartbeat
from kakou.errors import report_error
from kakou.exit_codes import ExitCode
from kakou.process import die_with_parent, log_to_stderr
from kakou.settings import Settings, SettingsError

log = logging.getLogger(__name__)


class Order(BaseModel):
    """Everything that a child needs to know."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    """Which one of its kind it is: a group of cameras."""
    settings: Settings
    redis_url: str
    """The box's own Redis."""
    parent_id: int
    """Process that the child must not outlive."""
    as_json: bool = False
    """Print one JSON object a passage."""
    show_clear_plates: bool = False

    def to_bytes(self) -> bytes:
        return self.model_dump_json(by_alias=True).encode()


def run_by_order(work: Callable[[Order], int], make_ready: Callable[[Order], object] = lambda _: None) -> NoReturn:
    """Be a child: take the order, do the work, and exit with its code; an error is this process's last words.

    `make_ready`: what a spare does before it waits for its turn.
    """
    log_to_stderr()
    try:
        os.umask(0o077)
        order = _taken_order()
        die_with_parent(order.parent_id)
        sys.exit(work(order) if await_turn(lambda: make_ready(order)) else ExitCode.OK)
    except Exception as error:  # noqa: BLE001  the outermost loop of the process
        Heartbeat(os.environ).say_why(str(error))
        sys.exit(report_error(error))


def _taken_order() -> Order:
    """Read the order and leave nothing of it for processes started from here. Raises SettingsError."""
    if sys.stdin.isatty():
        raise SettingsError("这是 kakou run 的一部分，不能单独启动：运行 kakou run")
    given = sys.stdin.buffer.read()
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, sys.stdin.fileno())
    os.close(nothing)
    try:
        return Order.model_validate_json(given)
    except ValidationError as error:
        problem = error.errors(include_input=False)[0]  # the input holds passwords
        where = ".".join(map(str, problem["loc"])) or "all of it"
        raise SettingsError(
            f"kakou run 交给这个进程的指令不对（{where}: {problem['msg']}）：各部件应为同一版本"
        ) from None


EXIT_WORDS = {
    ExitCode.UNREADABLE: "画面无法读取",
    ExitCode.UNAVAILABLE: "所依赖的服务不可用",
    ExitCode.CONFIG: "设置有误",
    ExitCode.INTEGRITY: "文件损坏或密钥不符",
}


def exit_words(code: int) -> str:
    """Return what an exit code means, for people."""
    return f"{EXIT_WORDS[ExitCode(code)]}（退出码 {code}）" if code in EXIT_WORDS else f"退出码 {code}"
