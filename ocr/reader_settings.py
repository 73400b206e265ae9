"""What the reader accepts."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ReaderSettings:
    """The thresholds come from `python -m bench.accuracy` on the development photos."""

    detector_long_side_px: int = 640
    second_long_side_px: int = 1152
    """A large photo is searched at this size first, for far plates; 0 never does. At 1280 no more of 420 drawn plates
    of 50 to 140 pixels of 1920 are read, and the detector sees a fifth more pixels."""
    second_above_px: int = 900
    """Pictures whose longer side exceeds this are searched for far plates."""
    second_min_confidence: float = 0.3
    """What only a further search finds must be readable: at twice the size more things look like plates."""
    sure_confidence: float = 0.9
    """What was read at least this surely is not read again by a further search."""
    fills_above: float = 0.45
    """A plate wider than this share of the picture is looked for from farther back too."""
    most_plates: int = 40
    """More of what looks like plates is not looked at; who asks is told."""
    min_score: float = 0.3
    """A detection of at least this score may be hard to read..."""
    faint_score: float = 0.2
    """...a fainter one must be readable, as what only a further search finds; below this score none is looked at. The
    score of a far plate hangs on where it lies in the detector's grid of 8 pixels."""
    photo_faint_score: float = 0.1
    """...but on a photo on which nothing is read for sure: there a plate that is steep, or hangs below another, may be
    fainter still (`bench.posed_plates`). A frame has others beside it, and a box no time."""
    large_photo_score: float = 0.13
    """...and always on a large photo, which may be looked at once only: at 0.16 fewer of the drawn plates are read."""
    min_confidence: float = 0.05
    """A detection is dropped when its weakest character is less probable than this..."""
    sure_score: float = 0.9
    """...unless the detector itself is this sure: then an unreadable plate is still a plate."""
    look_again_below: float = 0.9
    """A plate whose weakest character is less probable than this is looked at again; 0.0 never does."""
    max_not_plate: float = 0.5
    """A detection is dropped when the recogniser holds it for no plate with more than this probability."""
