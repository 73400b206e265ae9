"""How the pages' templates show what people wrote: escaped, and without the characters that turn the text around it."""

from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from ocr.looks import plate_table_json

_TURNING = dict.fromkeys([0x061C, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A)])
"""Unicode's bidirectional controls (UAX #9, section 2). Arabic or Hebrew letters need none of them."""


def without_turns(shown: object) -> object:
    """Return a text without them, and anything else as it is; for the templates, which call it for all they show."""
    return shown.translate(_TURNING) if isinstance(shown, str) and not shown.isascii() else shown


def plain_environment(templates: Path) -> Environment:
    """Return what both consoles' pages are made in: all is escaped, a name that is missing is an error."""
    environment = Environment(
        loader=FileSystemLoader(templates),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        finalize=without_turns,
    )
    # Nobody's data but ours, and quotes must stay quotes: nothing in it could close the script element.
    environment.globals["plate_table"] = Markup(plate_table_json())
    return environment
