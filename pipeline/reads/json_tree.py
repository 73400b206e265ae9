"""Camera JSON, in bounds: whatever is sent, a tree or a refusal."""

import json
import math
from typing import NoReturn

from pipeline.reads.adapter import UnreadableMessageError
from pipeline.reads.texts import decoded


def parse_json(body: bytes) -> dict[str, object]:
    """Return the object that a body holds; numbers are exact. Raises UnreadableMessageError."""
    text = decoded(body).strip("\ufeff \t\r\n\0")
    try:
        document = json.loads(text, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise UnreadableMessageError("不是 JSON") from error
    if not isinstance(document, dict):
        raise UnreadableMessageError("JSON 不是对象")
    return document


def at(document: object, *path: str) -> object:
    """Return what lies down a path of names, whatever their case; None where nothing does. A list gives its first."""
    found = document
    for name in path:
        while isinstance(found, list):
            found = found[0] if found else None
        if not isinstance(found, dict):
            return None
        found = found[name] if name in found else _any_case(found, name)
    return None if isinstance(found, float) and not math.isfinite(found) else found


def objects_at(document: object, *path: str) -> list[dict[str, object]]:
    """Return the objects in the list down a path; one that stands there alone is a list of one."""
    found = at(document, *path)
    items = found if isinstance(found, list) else [found]
    return [item for item in items if isinstance(item, dict)]


def _any_case(found: dict[str, object], name: str) -> object:
    return next((value for key, value in found.items() if key.lower() == name.lower()), None)


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not JSON")
