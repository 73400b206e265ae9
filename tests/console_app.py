"""The console's application for tests that call it in their own process."""

from fastapi import FastAPI

from console.parts import Console
from console.web.app import create_app

_MADE: list[FastAPI] = []


def app_of(console: Console) -> FastAPI:
    """Return the application over this console; there is one a process, for making one takes longer than most tests.

    It keeps nothing but the console and the compiled templates. Whoever had it before has this console from now on.
    """
    if not _MADE:
        _MADE.append(create_app(console))
    _MADE[0].state.console = console
    return _MADE[0]
