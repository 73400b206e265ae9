"""Texts that nobody would write but as plates, well or badly."""

import re

PLATE_LIKE = re.compile(r"[\u4e00-\u9fff]\s?[A-Za-zＡ-Ｚａ-ｚ]\s?[·•・.\-]?\s?[A-Za-z0-9Ａ-Ｚａ-ｚ０-９]{4,7}")
"""The beginning of a plate, with its dot or without."""
WHOLE_PLATES = re.compile(rf"\s*(?:[^:：]{{1,8}}[:：]\s*)?(?:{PLATE_LIKE.pattern}[挂学警港澳领]?[\s、,，;；/]*)+")
"""One or several plates, and nothing else but what they are called."""
_PLATE = rf"[\"“'‘(（\[【]?\s?{PLATE_LIKE.pattern}[挂学警港澳领]?\s?[\"”'’)）\]】]?"
_EXAMPLES = re.compile(
    rf"(?:例如|比如|譬如|示例|样例|范例|例|如)\s*[:：为是]?\s*{_PLATE}(?:\s*[、,，/或和]\s*{_PLATE})*", re.IGNORECASE
)
"""What tells how to write a plate: 须含省份，如豫A12345. Behind 如下 stand plates that are meant."""


def names_a_plate(text: str) -> bool:
    """Return whether there is a plate in a text, other than as an example of how plates are written."""
    return PLATE_LIKE.search(_EXAMPLES.sub("", text)) is not None
