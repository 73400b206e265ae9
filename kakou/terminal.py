"""Where words for people go. What stands between brackets or colons there is a name, never a colour or a picture."""

from rich.console import Console
from rich.text import Text


def stdout() -> Console:
    """Return stdout, for what was asked for."""
    return Console(highlight=False, markup=False, emoji=False)


def stderr(width: int | None = None) -> Console:
    """Return stderr, for all else that is said."""
    return Console(stderr=True, highlight=False, markup=False, emoji=False, width=width)


def marked(style: str, mark: str, said: str) -> Text:
    """Return a line that begins with a word in colour."""
    return Text.assemble((mark, style), " ", said)
