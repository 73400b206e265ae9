"""Makes the models that ship in ocr/models/. Not needed at run time."""

import ocr  # noqa: F401  switches onnxruntime's telemetry off before anything here loads it
