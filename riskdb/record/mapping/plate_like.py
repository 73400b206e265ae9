"""Texts that nobody would write but as plates, well or badly."""

import re

PLATE_LIKE = re.compile(r"[\u4e00-\u9fff]\s?[A-Za-zＡ-Ｚａ-ｚ]\s?[·•・.\-]?\s?[A-Za-z0-9Ａ-Ｚａ-ｚ０-９]{4,7}")
"""The beginning of a plate, with its dot or without."""
WHOLE_PLATES = re.compile(rf"\s*(?:[^:：]{{1,8}}[:：]\s*)?(?:{PLATE_LIKE.pattern}[挂学警港澳领]?[\s、,，;；/]*)+")
"""One or several plates, and nothing else but what they are called."""
