"""How a model is opened: on one thread, and what cannot be opened is an OcrError that names it."""

import contextlib
from collections.abc import Iterator

import onnxruntime

from ocr.types import OcrError


@contextlib.contextmanager
def opening(model: str) -> Iterator[None]:
    """Say of whatever goes wrong in the context that `model` cannot be loaded. Raises OcrError."""
    try:
        yield
    except Exception as error:  # onnxruntime, the YAML parser and a hub's transport raise kinds without a common base
        raise OcrError(f"模型 {model} 装不进来（{error}）：重新安装 kakou") from error


def single_thread_options() -> onnxruntime.SessionOptions:
    """One thread a session: processes share the cores, and spinning threads would steal them."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    # A plan of memory for each number of crops and size of window is kept for good: 17 MiB of a reading thread's 36,
    # and is no faster (82 ms of CPU a look either way, 2026-11-29).
    options.enable_mem_pattern = False
    options.log_severity_level = 3
    return options
