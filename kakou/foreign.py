"""Our packages have generic names: `ocr`, `console`, `alerts` and `pipeline` are on PyPI too, and mean other things.

Where one of those stands before ours on the path, the start says so instead of failing somewhere inside.
"""

from importlib.util import find_spec
from pathlib import Path

PACKAGES = ("ocr", "riskdb", "alerts", "pipeline", "console")


class ForeignPackageError(Exception):
    """A package of somebody else would be imported in place of one of ours; the message names its file."""


def require_our_packages() -> None:
    """Make sure, without importing any, that every package is the one beside this one. Raises ForeignPackageError."""
    ours = Path(__file__).resolve().parents[1]
    for name in PACKAGES:
        spec = find_spec(name)
        found = None if spec is None else spec.origin
        if found is None or Path(found).resolve() != ours / name / "__init__.py":
            raise ForeignPackageError(
                f"{name} 不是 kakou 的部件：找到的是 {found or '无'}，应为 {ours / name}。"
                f"请把 kakou 装在单独的环境中（python -m venv），并检查 PYTHONPATH"
                f" (`import {name}` finds a package of somebody else; give kakou an environment of its own)"
            )
