"""What not every machine has: packages come with an extra, and one that is missing is a sentence."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from kakou.extras import EXTRA_OF, missing_sentence
from kakou.installing.slim import slim
from tests.code_kit import files_of, text_of
from tests.commands import REPOSITORY

PROJECT = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["project"]
IMPORTED_AS = {"argon2-cffi": "argon2", "confluent-kafka": "confluent_kafka", "paho-mqtt": "paho",
               "pillow-heif": "pillow_heif", "python-multipart": "multipart"}  # fmt: skip
NEVER_IMPORTED = {"uvloop", "httptools", "kakou"}
"""Uvicorn finds the first two by itself, and does without."""


def name_of(requirement: str) -> str:
    found = re.match(r"[A-Za-z0-9-]+", requirement)
    assert found is not None
    return IMPORTED_AS.get(found[0], found[0])


def test_every_package_of_an_extra_is_in_the_table_and_the_extra_brings_it():
    extras = {name: {name_of(one) for one in needs} for name, needs in PROJECT["optional-dependencies"].items()}
    at_work = set().union(*(extras[name] for name in extras if name not in ("dev", "docs", "train")))
    core = {name_of(one) for one in PROJECT["dependencies"]}
    assert at_work - NEVER_IMPORTED - core == EXTRA_OF.keys() - NEVER_IMPORTED
    assert [name for name, extra in EXTRA_OF.items() if name not in extras[extra] and name not in IMPORTED_AS] == []


def test_a_box_is_locked_to_the_same_versions_as_a_centre_and_has_no_console_and_no_tables():
    locks = {
        role: set(re.findall(r"^(\S+==\S+)", (REPOSITORY / f"requirements-{role}.lock").read_text(), re.MULTILINE))
        for role in ("box", "runtime")
    }
    assert locks["box"] < locks["runtime"]
    names = {one.partition("==")[0] for one in locks["box"]}
    assert not names & {"polars", "sqlalchemy", "fastapi", "pillow-heif", "psycopg", "alembic"}
    assert {"onnxruntime", "av", "redis", "starlette", "uvicorn", "paho-mqtt"} <= names


WITHOUT = """
import sys
for name in ("sqlalchemy", "alembic", "fastapi", "polars", "pillow_heif", "psycopg", "argon2", "pyotp"):
    sys.modules[name] = None
from kakou.main import main
main()
"""


def without_console(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Call kakou where only a box's packages are."""
    command = [sys.executable, "-c", WITHOUT, *words]
    environment = {"PYTHONPATH": str(REPOSITORY), "PATH": "/usr/bin:/bin", "COLUMNS": "200", "LANG": "C.UTF-8"}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


LONG = pytest.mark.long


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (["console"], 4, "kakou[console]"),
        pytest.param(["--help"], 0, "kakou[console]", marks=LONG),
        pytest.param(["risk", "import", "list.parquet"], 3, "kakou[tables]", marks=LONG),
        pytest.param(["sunset", "--now", "--dry-run"], 0, "密钥", marks=LONG),
    ],
)
def test_a_box_without_the_consoles_packages_says_what_to_install(
    tmp_path: Path, words: list[str], code: int, says: str
):
    (tmp_path / "list.parquet").write_bytes(b"PAR1" + bytes(64) + b"PAR1")
    done = without_console(tmp_path, *words)
    assert (done.returncode, "Traceback" in done.stderr) == (code, False), done.stderr
    assert says in done.stdout + done.stderr


def test_a_fault_of_ours_is_not_taken_for_a_package_that_is_missing():
    assert missing_sentence(ModuleNotFoundError("No module named 'kakou.no'", name="kakou.no")) is None
    assert missing_sentence(ImportError("cannot import name", name="polars")) is None
    told = missing_sentence(ModuleNotFoundError("No module named 'polars.x'", name="polars.x"))
    assert told is not None
    assert "kakou[tables]" in told


def test_what_nobody_loads_is_taken_away_and_the_rest_is_left(tmp_path: Path):
    gone = ["numpy/lib/tests/test_a.py", "cv2/typing/__init__.pyi", "onnxruntime/capi/libonnxruntime.so.1.32.0"]
    kept = ["numpy/lib/a.py", "onnxruntime/capi/onnxruntime_pybind11_state.so", "av.libs/libavcodec.so"]
    pip = ["pip/__init__.py", "setuptools/__init__.py"]
    for name in (*gone, *kept, *pip):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("")
    slim(tmp_path, without_pip=False)
    left = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()}
    assert left == {*kept, *pip}
    slim(tmp_path, without_pip=True)
    assert {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()} == set(kept)


def test_what_only_an_extra_brings_is_imported_where_its_absence_is_told():
    """At the top of a file of the walk it would keep a box from starting."""
    top = re.compile(rf"^(?:import|from) ({'|'.join(EXTRA_OF)})\b", re.MULTILINE)
    found = [str(path.relative_to(REPOSITORY)) for folder in ("ocr", "pipeline") for path in files_of(folder)
             if top.search(text_of(path))]  # fmt: skip
    assert found == ["pipeline/reads/mqtt_doors.py", "pipeline/replay/table.py"]
