"""Imports point one way, and every package is the one of this tree."""

import ast
import importlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.code_kit import ROOT, files_of, nodes_of, text_of

OURS = ("ocr", "riskdb", "alerts", "pipeline", "console", "kakou", "training", "bench", "fixtures")
ALLOWED: dict[str, tuple[str, ...]] = {
    "ocr": (),
    "riskdb": (),
    # Files of the state folder are opened alike everywhere, and what the system refuses is said alike.
    "alerts": ("ocr.types", "ocr.looks", "riskdb.types", "riskdb.own_file", "riskdb.system_words"),
    "pipeline": ("ocr", "riskdb", "alerts"),
    # Photos from phones are decoded as bounded as any.
    "console": ("alerts", "riskdb", "ocr.types", "ocr.looks", "ocr.decoding"),
    # The demo shows the fixture clips.
    "kakou": ("ocr", "riskdb", "alerts", "pipeline", "console", "fixtures"),
    "training": ("ocr",),
}


def imported_modules(path: Path) -> Iterator[str]:
    for node in nodes_of(text_of(path)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module


def is_allowed(module: str, package: str) -> bool:
    if module.split(".")[0] not in OURS:
        return True
    return any(module == name or module.startswith(f"{name}.") for name in (package, *ALLOWED[package]))


@pytest.mark.parametrize("package", ALLOWED)
def test_a_package_imports_only_what_stands_below_it(package: str):
    wrong = [
        f"{path.relative_to(ROOT)} imports {module}"
        for path in files_of(package)
        for module in imported_modules(path)
        if not is_allowed(module, package)
    ]
    assert wrong == []


@pytest.mark.parametrize("package", ["ocr", "riskdb", "alerts", "pipeline", "console", "kakou"])
def test_a_package_is_loaded_from_this_tree(package: str):
    module = importlib.import_module(package)
    assert module.__file__ is not None
    assert Path(module.__file__).is_relative_to(ROOT)


def test_no_dependency_of_the_reader_is_slow_to_import():
    """The command line imports a command's libraries only when it is called."""
    heavy = {"fastapi", "sqlalchemy", "polars", "cv2", "onnxruntime"}
    main = set(imported_modules(ROOT / "kakou" / "main.py"))
    assert not heavy & {module.split(".")[0] for module in main}


def test_no_command_waits_for_what_it_does_not_need():
    """polars takes half as long to load as all else that `kakou run` needs, the console's libraries twice as long.

    The parser of Markdown, which help is written in, is a quarter of what the command line itself loads.
    """
    code = "import sys; from kakou import main; from importlib import import_module;"
    code += "[import_module(main.COMMANDS[name]) for name in ('run', 'replay', 'risk', 'match', 'read', 'deliver')];"
    code += "print({'polars', 'fastapi', 'sqlalchemy', 'alembic', 'markdown_it'} & {*sys.modules})"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"


def test_who_looks_after_the_list_and_who_delivers_start_without_what_reads_pictures():
    """The models' runtime and OpenCV were a quarter of the start of `kakou risk import` and of `kakou deliver`."""
    code = "import sys, kakou.commands.risk, kakou.commands.deliver;"
    code += "print({'cv2', 'onnxruntime', 'av', 'ocr.reader'} & {*sys.modules})"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"


def test_what_takes_the_cameras_reads_starts_without_pictures_and_clients():
    """Cameras are turned away until it is back: half of its start was NumPy, OpenCV, httpx, redis-py and rich."""
    code = "import sys, kakou.box.reads; print({'numpy', 'cv2', 'httpx', 'redis', 'rich'} & {*sys.modules})"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"


LONGEST_CHAIN = 14
"""Files from a command to the bottom: who reads a line must not have to know more than this many files."""


def our_modules() -> dict[str, Path]:
    """Return every module of the product by its dotted name."""
    paths = (path for package in ALLOWED if package != "training" for path in files_of(package))
    return {".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path for path in paths}


def dependencies(modules: dict[str, Path]) -> dict[str, set[str]]:
    """Return what each module imports of ours, inside functions too."""
    found: dict[str, set[str]] = {}
    for name, path in modules.items():
        wanted = set(imported_modules(path))
        for node in nodes_of(text_of(path)):
            if isinstance(node, ast.ImportFrom) and node.module:
                wanted |= {f"{node.module}.{alias.name}" for alias in node.names}
        found[name] = {module for module in wanted if module in modules and module != name}
    return found


def longest_chain(imports: dict[str, set[str]]) -> tuple[str, ...]:
    """Return the longest way down. Raises AssertionError at a cycle, naming it."""
    known: dict[str, tuple[str, ...]] = {}

    def down_from(module: str, above: tuple[str, ...]) -> tuple[str, ...]:
        assert module not in above, f"a cycle: {' -> '.join((*above, module))}"
        if module not in known:
            ways = [down_from(one, (*above, module)) for one in sorted(imports[module])]
            known[module] = (module, *max(ways, key=len, default=()))
        return known[module]

    return max((down_from(module, ()) for module in imports), key=len)


def test_no_chain_of_imports_is_long_and_none_is_a_circle():
    chain = longest_chain(dependencies(our_modules()))
    assert len(chain) <= LONGEST_CHAIN, " -> ".join(chain)


def test_a_circle_of_imports_is_named():
    with pytest.raises(AssertionError, match="a cycle: a -> b -> a"):
        longest_chain({"a": {"b"}, "b": {"a"}})
