"""What a GA/T 1400 platform answers."""

import json


def status_codes(body: bytes) -> list[str]:
    """Return the StatusCodes of an answer, in any of the forms that platforms write them; none where it says none."""
    try:
        document = json.loads(body) if body.strip() else {}
    except (ValueError, RecursionError):
        return []
    for wrapper in ("ResponseStatusListObject", "ResponseStatusList", "ResponseStatusObject"):
        if isinstance(document, dict) and wrapper in document:
            document = document[wrapper]
    if isinstance(document, dict) and "ResponseStatusObject" in document:
        document = document["ResponseStatusObject"]
    objects = document if isinstance(document, list) else [document]
    return [str(one["StatusCode"]) for one in objects if isinstance(one, dict) and "StatusCode" in one]
