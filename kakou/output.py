"""stdout is data: one line a record. Messages for people go to stderr."""

import json


def put_line(line: str) -> None:
    """Write one line at once, so that a reader of a pipe need not wait for the next."""
    print(line, flush=True)  # noqa: T201  the one place where data goes to stdout


def put_json(record: object) -> None:
    """Write one JSON object on one line."""
    put_line(json.dumps(record, ensure_ascii=False))
