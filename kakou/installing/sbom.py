"""What a release is made of: `python -m kakou.installing.sbom` prints CycloneDX 1.5, with `notice` the text of NOTICE.

Read from requirements-runtime.lock (versions, hashes) and from what is installed (licences).
"""

import hashlib
import importlib.metadata
import json
import re
import sys
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict

ROOT = Path(__file__).parents[2]
LOCK = ROOT / "requirements-runtime.lock"
MODELS = ROOT / "ocr" / "models"
PINNED = re.compile(r"^([A-Za-z0-9._-]+)==([^ ;\\]+)", re.MULTILINE)
HASHED = re.compile(r"--hash=sha256:([0-9a-f]{64})")
DATA = """\
Training data of the shipped models (ocr/models): plates drawn by training/plates with the glyphs named there, on
backgrounds that are named with their licences in ocr/models/detector.md and ocr/models/recognizer.md. No picture of a
real vehicle or person is part of this repository. The clips in fixtures/videos are rendered; their plates are invented.
"""


@dataclass(frozen=True, slots=True)
class Part:
    """One package of the runtime."""

    name: str
    version: str
    hashes: tuple[str, ...]
    licence: str
    """As the package says; "" where it is not installed here or says nothing."""


def parts(lock: str) -> list[Part]:
    """Return the packages of a lock file."""
    found = []
    starts = list(PINNED.finditer(lock))
    for position, match in enumerate(starts):
        end = starts[position + 1].start() if position + 1 < len(starts) else len(lock)
        hashes = tuple(HASHED.findall(lock[match.start() : end]))
        found.append(Part(match[1], match[2], hashes, licence_of(match[1])))
    return found


def licence_of(name: str) -> str:
    """Return the licence that an installed package names, on one line."""
    try:
        told = importlib.metadata.metadata(name)
    except importlib.metadata.PackageNotFoundError:
        return ""
    classifiers = [
        one.rpartition(" :: ")[2] for one in told.get_all("Classifier") or [] if one.startswith("License ::")
    ]
    expression, text = ((told.get_all(field) or [""])[0] for field in ("License-Expression", "License"))
    said = str(expression or "; ".join(classifiers) or text)
    return " ".join(said.split())[:80]


Component = TypedDict(
    "Component",
    {"type": str, "name": str, "version": str, "purl": str, "bom-ref": str,
     "hashes": list[dict[str, str]], "licenses": list[dict[str, dict[str, str]]]},
    total=False,
)  # fmt: skip
"""One of CycloneDX's components: what is said of a package or a model."""


class Document(TypedDict):
    """What is written; the names are CycloneDX's."""

    bomFormat: str
    specVersion: str
    serialNumber: str
    version: int
    metadata: dict[str, object]
    components: list[Component]
    dependencies: list[dict[str, object]]


def document(lock: str, version: str) -> Document:
    """Return the CycloneDX document; the same input gives the same document."""
    components: list[Component] = [_component(part) for part in parts(lock)]
    for model in sorted(MODELS.glob("*.onnx")):
        digest = hashlib.sha256(model.read_bytes()).hexdigest()
        components.append(
            {
                "type": "machine-learning-model", "name": model.name, "bom-ref": f"model:{model.name}",
                "hashes": [{"alg": "SHA-256", "content": digest}],
            }
        )  # fmt: skip
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "serialNumber": f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, f'kakou {version} {lock}')}",
        "version": 1,
        "metadata": {
            "component": {
                "type": "application", "name": "kakou", "version": version, "bom-ref": "kakou",
                "licenses": [{"license": {"id": "Apache-2.0"}}],
            }
        },
        "components": components,
        "dependencies": [{"ref": "kakou", "dependsOn": [one["bom-ref"] for one in components]}],
    }  # fmt: skip


def _component(part: Part) -> Component:
    purl = f"pkg:pypi/{part.name.lower().replace('_', '-')}@{part.version}"
    component: Component = {
        "type": "library", "name": part.name, "version": part.version, "purl": purl, "bom-ref": purl,
        "hashes": [{"alg": "SHA-256", "content": one} for one in part.hashes],
    }  # fmt: skip
    if part.licence:
        component["licenses"] = [{"license": {"name": part.licence}}]
    return component


def notice(lock: str) -> str:
    """Return the text of NOTICE: what kakou is built on, and under which licences."""
    lines = [
        "kakou 卡口",
        "Licensed under the Apache License 2.0 (LICENSE).",
        "",
        "It runs with these packages, under their own licences (requirements-runtime.lock; `make notice`):",
        "",
    ]
    lines += [f"  {part.name} {part.version}: {part.licence or 'see the package'}" for part in parts(lock)]
    return "\n".join([*lines, "", DATA.rstrip()]) + "\n"


def main(arguments: list[str]) -> int:
    lock = LOCK.read_text(encoding="utf-8")
    if arguments == ["notice"]:
        sys.stdout.write(notice(lock))
        return 0
    version = importlib.metadata.version("kakou")
    sys.stdout.write(json.dumps(document(lock, version), ensure_ascii=False, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
