"""An image in, plate reads out: detector, recogniser and plate grammar."""

import os

# OpenCV reads this once, when its library is loaded: a 109 kB PNG of 30,000 x 30,000 pixels otherwise takes 5 GB.
os.environ.setdefault("OPENCV_IO_MAX_IMAGE_PIXELS", str(64 * 1024 * 1024))
# onnxruntime reads this when its library is loaded. From 1.29 on its Linux builds send usage to their maker otherwise
# and leave a device id in ~/.cache: a checkpoint's box calls nobody whom its configuration does not name.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"
