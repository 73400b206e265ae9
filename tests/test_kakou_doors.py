"""What it takes to add a source of video or a setting: a toy of each, in a copy of the packages."""

from pathlib import Path

from tests.doors import add_lines, copy_of_the_packages, run_in

TOY_GENERATOR = '''\
def _read_blank(viewing: Viewing) -> Iterator[Sighting]:
    """A grey picture a second, as many as the address says: a toy."""
    for index in range(int(viewing.source.uri.removeprefix("blank:"))):
        viewing.counts.frames += 1
        now = datetime.now(UTC) + timedelta(seconds=index)
        yield Frame(viewing.source.camera_id, index, now, now, np.full((90, 160, 3), 128, np.uint8))


'''
TOY_ROW = """    (lambda source: source.uri.startswith("blank:"), _read_blank),
"""

USE_SOURCE = """
from pathlib import Path
from kakou.settings import load_settings
from pipeline.types import ScreeningCounts
from pipeline.video.sources import watch_frames

config = Path("kakou.toml")
config.write_text('[[source]]\\ncamera_id = "a"\\ncheckpoint = "b"\\nuri = "blank:3"\\n')
settings, counts = load_settings(config), ScreeningCounts()
frames = list(watch_frames(settings.sources[0], settings.pipeline, counts))
assert [frame.index for frame in frames] == [0, 1, 2] and counts.frames == 3
"""

TOY_SETTING = '''\
    horn_s: float = Field(default=2.5, gt=0)
    """How long the horn blows at a hit."""
'''

USE_SETTING = """
from pathlib import Path
from kakou.settings import load_settings
from kakou.settings_doc import render

assert "| `horn_s` | `2.5` | How long the horn blows at a hit. |" in render()
config = Path("kakou.toml")
config.write_text('[pipeline]\\nhorn_s = 4\\n')
assert load_settings(config).pipeline.horn_s == 4
"""


def test_a_source_of_video_is_one_generator_and_one_row(tmp_path: Path):
    sources = copy_of_the_packages(tmp_path) / "pipeline" / "video" / "sources.py"
    lines = add_lines(sources, "from ocr.images import", "import numpy as np\n\n")
    lines += add_lines(sources, "KINDS: ", TOY_GENERATOR)
    rows = add_lines(sources, "    (lambda source: source.is_live, _read_live),\n", TOY_ROW)
    assert rows == 1
    assert lines < 10
    run_in(tmp_path, USE_SOURCE)


def test_a_setting_is_its_line_and_why(tmp_path: Path):
    model = copy_of_the_packages(tmp_path) / "pipeline" / "settings.py"
    assert add_lines(model, "    hypothesis_count: int", TOY_SETTING) == 2
    run_in(tmp_path, USE_SETTING)
