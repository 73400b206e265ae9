"""`python -m bench --list`: names of all benches, one a line."""

from pathlib import Path

SUPPORT = frozenset({"__init__", "__main__", "report", "scoring", "development_sets", "contact_sheet"})


def bench_names() -> list[str]:
    return sorted(path.stem for path in Path(__file__).parent.glob("*.py") if path.stem not in SUPPORT)


if __name__ == "__main__":
    print("\n".join(bench_names()))
