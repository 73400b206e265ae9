"""The documentation site: every page is in it, every link leads somewhere, nothing is loaded from elsewhere."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.commands import REPOSITORY

ROLES = (
    "booth", "officer", "worker", "risk", "replay", "first-alert", "operations", "cameras", "console", "notices",
    "events",
)  # fmt: skip
LOADED = re.compile(
    r"""<(?:script|img|iframe)[^>]*src=["']?https?:|<link[^>]*rel=["']?stylesheet[^>]*href=["']?https?:|url\(["']?https?:"""
)


@pytest.mark.long
def test_the_site_is_whole_and_loads_nothing_from_elsewhere(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(tmp_path)]
    done = subprocess.run(
        command,
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"NO_MKDOCS_2_WARNING": "1"},
    )
    assert done.returncode == 0, done.stderr
    pages = {page.name: page.read_text(encoding="utf-8") for page in tmp_path.glob("*.html")}
    sources = {page.stem + ".html" for page in (REPOSITORY / "docs").glob("*.md")}
    assert sources - pages.keys() == set()
    front = pages["index.html"]
    assert [page for page in sources if f'href="{page}"' not in front] == []
    assert [role for role in ROLES if not re.search(r'<img[^>]*src="pictures/', pages[f"{role}.html"])] == []
    styles = {str(path): path.read_text(encoding="utf-8") for path in tmp_path.rglob("*.css")}
    assert [name for name, text in (pages | styles).items() if LOADED.search(text)] == []
