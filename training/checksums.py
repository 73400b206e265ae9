"""The list of SHA-256 sums beside the shipped models, which the reader checks at its start."""

import hashlib
from pathlib import Path

CHECKSUMS = "SHA256SUMS"


def refresh_checksums(folder: Path) -> None:
    """Write the sums of every .onnx and .yaml file in `folder`, as `sha256sum` would."""
    lines = [
        f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n"
        for path in sorted(folder.iterdir())
        if path.suffix in (".onnx", ".yaml")
    ]
    temporary = folder / f".{CHECKSUMS}.part"
    temporary.write_text("".join(lines))
    temporary.replace(folder / CHECKSUMS)
