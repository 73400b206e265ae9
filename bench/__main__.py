"""`python -m bench --list`: names of all benches, one a line."""

from pathlib import Path

SUPPORT = frozenset({"__main__", "report"})


def bench_names() -> list[str]:
    """Return the modules that take the options every bench has; the others are parts of benches."""
    files = sorted(Path(__file__).parent.glob("*.py"))
    return [file.stem for file in files if file.stem not in SUPPORT and _takes_options(file.read_text("utf-8"))]


def _takes_options(source: str) -> bool:
    return "bench_options(" in source or "import parse\n" in source


if __name__ == "__main__":
    print("\n".join(bench_names()))
