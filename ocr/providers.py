"""Where the models run: onnxruntime's execution providers."""

from collections.abc import Sequence

import onnxruntime

from ocr.types import OcrError

PROVIDERS = {
    "cpu": "CPUExecutionProvider",
    "cuda": "CUDAExecutionProvider",
    "tensorrt": "TensorrtExecutionProvider",
    "openvino": "OpenVINOExecutionProvider",
}
"""Our name -> onnxruntime's."""
PACKAGES = {
    "CUDAExecutionProvider": "onnxruntime-gpu",
    "TensorrtExecutionProvider": "onnxruntime-gpu and TensorRT",
    "OpenVINOExecutionProvider": "onnxruntime-openvino",
}
"""What to install in place of onnxruntime."""


class ProviderError(OcrError):
    """A provider that was asked for is not there; the message says what to install."""


def require_providers(wanted: Sequence[str]) -> None:
    """Raises ProviderError where the installed onnxruntime lacks one: it would go on with the CPU and only warn."""
    there = onnxruntime.get_available_providers()
    for provider in wanted:
        if provider not in there:
            package = PACKAGES.get(provider, "an onnxruntime that has it")
            raise ProviderError(f"onnxruntime 没有 {provider}（有 {'、'.join(there)}）：安装 {package}")


def require_in_use(session: onnxruntime.InferenceSession, wanted: Sequence[str]) -> None:
    """Raises ProviderError where a provider is installed but could not start, for want of a driver or a library."""
    for provider in wanted:
        if provider not in session.get_providers():
            raise ProviderError(f"{provider} 启动不了：看上面 onnxruntime 的信息（驱动或库）")
