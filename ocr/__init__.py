"""An image in, plate reads out: detector, recogniser and plate grammar."""

import os

# OpenCV reads this once, when its library is loaded: a 109 kB PNG of 30,000 x 30,000 pixels otherwise takes 5 GB.
os.environ.setdefault("OPENCV_IO_MAX_IMAGE_PIXELS", str(64 * 1024 * 1024))
