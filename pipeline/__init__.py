"""The walk from a video source to a screened passage: frame, read, track, match, event."""

import ocr  # noqa: F401  sets OpenCV's limit of pixels, which counts only before the first import of cv2
