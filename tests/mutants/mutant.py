"""A change of one line that must not go unnoticed."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True, slots=True)
class Mutant:
    path: str
    """Of the file, from the root of the repository."""
    before: str
    """Stands in the file exactly once."""
    after: str
    tests: tuple[str, ...]
    """Files of tests, one of which must fail."""

    def content(self, root: Path) -> str:
        """Return the file's text with the change. Raises ValueError where the line is no longer there, or twice."""
        text = (root / self.path).read_text(encoding="utf-8")
        if (count := text.count(self.before)) != 1:
            raise ValueError(f"{self.path} holds {self.before!r} {count} times, not once: mend the table of mutants")
        return text.replace(self.before, self.after)

    @property
    def name(self) -> str:
        return f"{self.path}: {self.before.strip()!r} -> {self.after.strip()!r}"


def mutants(path: str, tests: str, *changes: tuple[str, str]) -> Iterator[Mutant]:
    """Yield one mutant a change; `tests` are names such as "riskdb_match", one after the other."""
    files = tuple(f"tests/test_{name}.py" for name in tests.split())
    for before, after in changes:
        yield Mutant(path, before, after, files)
