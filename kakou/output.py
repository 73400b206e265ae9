"""stdout is data: one line a record. Messages for people go to stderr."""

import json


def put_line(line: str) -> None:
    """Write one line at once, so that a reader of a pipe need not wait for the next."""
    print(line, flush=True)  # noqa: T201  the one place where data goes to stdout


def put_json(record: object) -> None:
    """Write one JSON object on one line; what is no text, as a file's name in GBK, in escapes that give it back."""
    line = json.dumps(record, ensure_ascii=False)
    put_line(line if _is_text(line) else json.dumps(record))


def _is_text(line: str) -> bool:
    try:
        line.encode()
    except UnicodeEncodeError:
        return False
    return True
