"""The shape of the code: short functions and files, nobody in another's private names, reasons for every exception."""

import ast
import re
from collections.abc import Iterator
from statistics import median

import pytest

from tests.code_kit import nodes_of, sources

PACKAGES = ("ocr", "riskdb", "alerts", "pipeline", "console", "kakou", "training", "bench", "fixtures")
MEDIAN_FUNCTION_LINES = 6
MAX_FUNCTION_LINES = 50
MEDIAN_FILE_LINES = 110
MAX_FILE_LINES = 280
REPEATED_LINES = 6
LONG_FILES = {
    "console/store/migrations/versions/0001_first_tables.py": "what has been applied somewhere is never rewritten",
}
SUPPRESSION = re.compile(r"#\s*(?:type: ignore\[[^\]]*\]|noqa: [A-Z]+\d+(?:,\s*[A-Z]+\d+)*)(?P<reason>.*)")
Function = ast.FunctionDef | ast.AsyncFunctionDef


def functions(source: str) -> Iterator[tuple[str, int, int]]:
    """Yield name, lines without decorators, and those of them that are no docstring."""
    for node in nodes_of(source):
        if isinstance(node, Function):
            lines = (node.end_lineno or node.lineno) - node.lineno + 1
            yield node.name, lines, lines - docstring_lines(node)


def docstring_lines(node: Function) -> int:
    first = node.body[0]
    is_docstring = ast.get_docstring(node, clean=False) is not None
    return (first.end_lineno or first.lineno) - first.lineno + 1 if is_docstring else 0


def test_functions_are_short():
    found = [(path, *each) for path, source in sources(*PACKAGES) for each in functions(source)]
    assert [(path, name, lines) for path, name, lines, _ in found if lines > MAX_FUNCTION_LINES] == []
    assert median(code for *_, code in found) <= MEDIAN_FUNCTION_LINES


def test_files_are_short():
    lengths = {path: len(source.splitlines()) for path, source in sources(*PACKAGES)}
    assert {path for path, lines in lengths.items() if lines > MAX_FILE_LINES} <= LONG_FILES.keys()
    assert median(lengths.values()) <= MEDIAN_FILE_LINES


def runs(source: str) -> Iterator[tuple[int, str]]:
    """Yield where so many lines that follow each other begin, and their text; imports and empty lines count not."""
    imports = {
        line
        for node in nodes_of(source)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for line in range(node.lineno, (node.end_lineno or node.lineno) + 1)
    }
    kept = [
        (number, line.strip())
        for number, line in enumerate(source.splitlines(), 1)
        if line.strip() and number not in imports
    ]
    for at in range(len(kept) - REPEATED_LINES + 1):
        yield kept[at][0], "\n".join(line for _, line in kept[at : at + REPEATED_LINES])


def test_no_six_lines_stand_in_two_places():
    places: dict[str, list[str]] = {}
    for path, source in sources(*PACKAGES):
        for line, text in runs(source):
            places.setdefault(text, []).append(f"{path}:{line}")
    assert [where for where in places.values() if len(where) > 1] == []


def unexplained(source: str) -> list[str]:
    """Return the lines that switch a check off without saying why."""
    return [
        line.strip()
        for line in source.splitlines()
        if (found := SUPPRESSION.search(line)) and not re.search(r"\w{2}", found["reason"])
    ]


def test_whoever_switches_a_check_off_says_why():
    silent = {path: lines for path, source in sources(*PACKAGES, "tests") if (lines := unexplained(source))}
    assert silent == {}


@pytest.mark.parametrize("mark", ["noqa" + ": ARG002", "type" + ": ignore[misc]", "noqa" + ": F401, F811 -"])
def test_a_mark_without_a_reason_is_found(mark: str):
    assert unexplained(f"x = 1  # {mark}") == [f"x = 1  # {mark}"]
    assert unexplained(f"x = 1  # {mark}  # for a reason") == []


def broad_excepts(source: str) -> Iterator[str]:
    """Yield the lines that catch everything and neither raise nor stand in an outermost loop."""
    lines = source.splitlines()
    for node in nodes_of(source):
        if isinstance(node, ast.ExceptHandler) and is_broad(node.type):
            line = lines[node.lineno - 1]
            if not any(isinstance(inner, ast.Raise) for inner in ast.walk(node)) and "outermost loop" not in line:
                yield line.strip()


def is_broad(caught: ast.expr | None) -> bool:
    return caught is None or any(
        isinstance(name, ast.Name) and name.id in ("Exception", "BaseException") for name in ast.walk(caught)
    )


def test_everything_is_caught_only_in_the_outermost_loop_of_a_process_or_thread():
    assert {path: lines for path, source in sources(*PACKAGES) if (lines := [*broad_excepts(source)])} == {}


def test_an_except_that_swallows_everything_is_found():
    assert [*broad_excepts("try:\n    f()\nexcept Exception:\n    pass\n")] == ["except Exception:"]
    assert [*broad_excepts("try:\n    f()\nexcept (OSError, BaseException):\n    g()\n")]
    assert [*broad_excepts("try:\n    f()\nexcept Exception as error:\n    raise MyError from error\n")] == []


def private_borrowings(path: str, source: str) -> Iterator[str]:
    """Yield what a file imports of the private names of another file, or reaches for through a module."""
    for node in nodes_of(source):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] in PACKAGES:
            yield from (f"{path}: {node.module}.{one.name}" for one in node.names if is_private(one.name))
            yield from (f"{path}: {part}" for part in (node.module or "").split(".") if is_private(part))


def is_private(name: str) -> bool:
    return name.startswith("_") and not name.startswith("__")


def test_nobody_reaches_into_the_private_names_of_another_file():
    assert [each for path, source in sources(*PACKAGES) for each in private_borrowings(path, source)] == []


def test_a_borrowed_private_name_is_found():
    assert [*private_borrowings("a.py", "from riskdb.match import _ask, match\n")] == ["a.py: riskdb.match._ask"]
