"""The first seconds of a fixture clip: as much as a box has to screen to show one hit and one that is none."""

from pathlib import Path

import av

from fixtures.truth import PassageTruth, load_truth

LEGIBLE_S = 1.0
"""A vehicle whose plate can be made out for this long is read."""


def first_seconds(clip: Path, seconds: float, folder: Path) -> Path:
    """Write the beginning of a clip, its pictures as they are; return the file, of the same name."""
    path = folder / clip.name
    with av.open(str(clip)) as whole, av.open(str(path), "w") as part:
        given = whole.streams.video[0]
        taken = part.add_stream_from_template(given)
        for packet in whole.demux(given):
            # By when it is decoded, not shown: a picture that others refer to is never left out before them.
            if packet.dts is not None and packet.dts * packet.time_base < seconds:
                packet.stream = taken
                part.mux(packet)
    return path


def passages_within(clip: Path, seconds: float) -> list[PassageTruth]:
    """Return who is read in the first seconds of a clip."""
    return [each for each in load_truth(clip.with_suffix(".json")).passages if each.start_s + LEGIBLE_S < seconds]
