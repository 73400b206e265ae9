"""Takes away what nobody loads at work: `python -m kakou.installing.slim [--without-pip]`.

Wheels bring their tests, stubs and headers along, and onnxruntime its library for C programs (35 MB). Bytecode is kept
of what kakou imports and of nothing else (`pip install --no-compile`). Importing it all shows that nothing is missing.
"""

import importlib
import pkgutil
import shutil
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path

from kakou.extras import missing_sentence

OURS = ("ocr", "riskdb", "alerts", "pipeline", "console", "kakou")
FOLDERS = (
    "**/tests",
    "onnxruntime/transformers",
    "onnxruntime/tools",
    "onnxruntime/quantization",
    "numpy/_core/include",
)
FILES = ("**/*.pyi", "**/*.pxd", "onnxruntime/capi/libonnxruntime.so*", "onnxruntime/capi/libonnxruntime*.dylib")
PIP = ("pip", "pip-*.dist-info", "setuptools*", "_distutils_hack", "pkg_resources", "distutils-precedence.pth")


def main(arguments: list[str]) -> int:
    site = Path(sysconfig.get_path("platlib"))
    if sys.prefix == sys.base_prefix:
        sys.stderr.write(f"{site} 不是 kakou 自己的环境，未动 (not a virtual environment)\n")
        return 2
    before = size_mb(site)
    slim(site, without_pip="--without-pip" in arguments)
    missing = list(_import_all())
    sys.stderr.write(f"{site}: {before} MB -> {size_mb(site)} MB\n")
    for line in missing:
        sys.stderr.write(f"安装不完整 {line}\n")
    return 1 if missing else 0


def slim(site: Path, *, without_pip: bool) -> None:
    """Take away from this folder of packages what nobody loads."""
    for pattern in (*FOLDERS, *FILES, *(PIP if without_pip else ())):
        for path in list(site.glob(pattern)):
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)


def size_mb(folder: Path) -> int:
    return sum(path.lstat().st_blocks for path in folder.rglob("*")) * 512 // 2**20


def _import_all() -> Iterator[str]:
    """Import every module of ours, which writes its bytecode; yield those that cannot be."""
    for package in OURS:
        for module in pkgutil.walk_packages(importlib.import_module(package).__path__, f"{package}."):
            if "migrations" in module.name or module.name.endswith("__main__"):
                continue
            try:
                importlib.import_module(module.name)
            except (ImportError, OSError, AttributeError, ValueError) as error:
                if missing_sentence(error) is None and missing_sentence(error.__cause__ or error) is None:
                    yield f"{module.name}: {type(error).__name__}: {error}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
