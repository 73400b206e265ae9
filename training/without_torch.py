"""What the training says where PyTorch is not installed: it is an extra that only who makes models needs."""

import importlib.util
import sys

NEEDED = ("torch", "onnx")
HOW = "pip install -e .[train]"


def require_training_extra(module: str) -> None:
    """Leave with exit code 4 and what to install, where something that training needs is missing."""
    missing = [name for name in NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        sys.exit(_tell(module, missing))


def _tell(module: str, missing: list[str]) -> int:
    sys.stderr.write(f"python -m {module} 需要 {'、'.join(missing)}，本机未安装；请运行：{HOW}\n")
    return 4
