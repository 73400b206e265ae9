"""The front pages: every picture is there and small, every document that they name is there."""

import re

import pytest

from tests.commands import REPOSITORY

MAX_BYTES = {".png": 200_000, ".gif": 2_000_000}


@pytest.mark.parametrize("name", ["README.md", "README.zh-CN.md", "CONTRIBUTING.md", "SECURITY.md"])
def test_what_a_front_page_links_to_is_there(name: str):
    text = (REPOSITORY / name).read_text(encoding="utf-8")
    links = [link for link in re.findall(r"\]\(([^)#]+)\)", text) if "://" not in link]
    assert links
    assert [link for link in links if not (REPOSITORY / link).exists()] == []


def test_every_picture_of_the_front_pages_is_shown_in_both_languages_and_small():
    shown = [set(re.findall(r"!\[[^]]*\]\(([^)]+)\)", (REPOSITORY / name).read_text(encoding="utf-8")))
             for name in ("README.md", "README.zh-CN.md")]  # fmt: skip
    assert shown[0] == shown[1]
    assert len(shown[0]) >= 4
    assert [path for path in shown[0] if (REPOSITORY / path).stat().st_size > MAX_BYTES[path[-4:]]] == []
