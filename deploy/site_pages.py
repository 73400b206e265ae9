"""Puts the pages that lie outside docs/ into the documentation site; links to them lead there (a hook of MkDocs)."""

import posixpath
import re
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).parents[1]
PAGES = {
    "README.zh-CN.md": "index.md",
    "README.md": "about.md",
    "bench/README.md": "bench.md",
    "CONTRIBUTING.md": "contributing.md",
    "SECURITY.md": "security.md",
    "CHANGELOG.md": "changelog.md",
}
"""Where each is in the site, by its place in the repository."""
LINK = re.compile(r"\[(?P<words>[^\]]*)\]\((?P<path>[^)#:\s]+)(?P<anchor>#[^)\s]*)?\)")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    for source, place in PAGES.items():
        files.append(File.generated(config, place, content=(ROOT / source).read_text(encoding="utf-8")))
    return files


def on_page_markdown(markdown: str, page: Page, files: Files, **_: object) -> str:
    """Let each link lead to its page of the site; what is only in the repository is named as a path."""
    sources = {place: source for source, place in PAGES.items()}
    folder = posixpath.dirname(sources.get(page.file.src_uri, f"docs/{page.file.src_uri}"))

    def lead(link: re.Match[str]) -> str:
        path = posixpath.normpath(posixpath.join(folder, link["path"]))
        place = PAGES.get(path, path.removeprefix("docs/"))
        if path in PAGES or (path.startswith("docs/") and files.get_file_from_path(place)):
            return f"[{link['words']}]({place}{link['anchor'] or ''})"
        if not (ROOT / path).exists():
            return link[0]
        return f"{link['words']}（`{path}`）"

    return LINK.sub(lead, markdown)
