"""The model files that ship with the package, and the check that they are the ones we shipped."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

from ocr.types import OcrError

MODELS_FOLDER = Path(__file__).parent / "models"
CHECKSUMS = "SHA256SUMS"


@dataclass(frozen=True, slots=True)
class ModelFiles:
    """Where the two models are."""

    detector: Path
    recognizer: Path
    recognizer_config: Path

    def sha256(self) -> dict[str, str]:
        """Return the SHA-256 of each file in hexadecimal by its name, for the record of a run or an event."""
        return {path.name: sha256_of(path) for path in (self.detector, self.recognizer, self.recognizer_config)}


def shipped_models(folder: Path = MODELS_FOLDER) -> ModelFiles:
    """Return the models in `folder`. Raises OcrError when one is missing or is not the file that was shipped."""
    expected = _read_checksums(folder)
    for name, checksum in expected.items():
        path = folder / name
        if not path.is_file():
            raise OcrError(f"缺少模型文件 {path}：重新安装 kakou")
        if sha256_of(path) != checksum:
            raise OcrError(f"模型文件 {path} 损坏或被改过（SHA-256 与 {CHECKSUMS} 不符）：重新安装 kakou")
    return ModelFiles(folder / "detector.onnx", folder / "recognizer.onnx", folder / "recognizer.yaml")


def sha256_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _read_checksums(folder: Path) -> dict[str, str]:
    try:
        lines = (folder / CHECKSUMS).read_text().splitlines()
    except OSError as error:
        raise OcrError(f"读不了 {folder / CHECKSUMS}：重新安装 kakou") from error
    return {name: checksum for checksum, name in (line.split(maxsplit=1) for line in lines if line)}
