"""Are the rarer plates read only as our own renderer draws them? `python -m bench.drawn_otherwise [--data DIR]`

Plates on the blank plates of the glyph folder, with the layouts, colours and even spacing of common plate generators,
none of them ours and none in the training; then the same camera as `bench.special_plates`, usual damage.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import cv2
import numpy as np

from bench.report import Report
from bench.scoring import canonical
from bench.special_plates import parse
from ocr.grammar import DIGITS, PROVINCES
from ocr.models_folder import shipped_models
from ocr.reader import PlateReader
from ocr.types import BgrImage
from training.plates.glyphs import GlyphSet, load_glyphs
from training.plates.specs import LETTERS, random_spec
from training.recognizer.measuring import RENDERED_HEIGHTS_PX, USUAL_STRENGTH
from training.recognizer.samples import camera_view, middle, two_line_crop
from training.textures import Textures, load_textures

Bgr = tuple[int, int, int]
BLACK, WHITE, RED = (0, 0, 0), (255, 255, 255), (0, 0, 255)
SIZES = {"green": (480, 140), "green_yellow": (480, 140), "white_220": (440, 220), "yellow_220": (440, 220)}
"""Width and height of a blank in millimetres; 440 x 140 for all others."""


class Drawing:
    """One plate on its blank, a pixel a millimetre."""

    def __init__(self, blank: BgrImage, glyphs: GlyphSet, ink: Bgr) -> None:
        self.image = blank.copy()
        self._glyphs = glyphs
        self._ink = ink

    def put(self, character: str, kind: str, box: tuple[float, float, float, float], *, is_red: bool = False) -> None:
        """`box`: left, top, width, height."""
        x, y, width, height = (round(side) for side in box)
        mask = cv2.resize(self._glyphs.mask(kind, character), (width, height), interpolation=cv2.INTER_AREA)
        share = mask[:, :, None] / 255.0
        patch = self.image[y : y + height, x : x + width]
        patch[:] = (patch * (1 - share) + np.array(RED if is_red else self._ink) * share).astype(np.uint8)

    def row(self, text: str, gap_after: int, red: str = "", head: int = 0) -> None:
        """Seven characters of 45 x 90 at 12 apart, 34 at the dot."""
        x = 15.0
        for place, character in enumerate(text):
            self.put(character, "140", (x, 25, 45, 90), is_red=place < head or character in red)
            x += 45 + (34 if place + 1 == gap_after else 12)

    def even_row(self, text: str, red: Sequence[int]) -> None:
        """Eight characters, all alike."""
        for place, character in enumerate(text):
            self.put(character, "140", (14 + 52 * place, 25, 44, 90), is_red=place in red)

    def two_lines(self, text: str, head: int = 0) -> None:
        for place, (character, x) in enumerate(zip(text, (110, 250), strict=False)):
            self.put(character, "220_up", (x, 15, 80, 60), is_red=place < head)
        for place, character in enumerate(text[2:]):
            self.put(character, "220_down", (27 + 80 * place, 90, 65, 110))

    def new_energy(self, text: str) -> None:
        for place, character in enumerate(text):
            x, width = ((15, 45), (69, 43))[place] if place < 2 else (161 + 52 * (place - 2), 43)
            self.put(character, "green", (x, 25, width, 90))

    def small_province(self, text: str, rng: np.random.Generator) -> None:
        height = float(rng.choice((50, 60)))
        top, is_red = 25 + (90 - height) * float(rng.choice((0, 0.5, 1))), bool(rng.random() < 0.5)
        for character, x in zip("WJ", (14, 58), strict=True):
            self.put(character, "140", (x, 25, 40, 90), is_red=True)
        self.put(text[2], "140", (102, top, 36, height), is_red=is_red)
        for place, character in enumerate(text[3:]):
            self.put(character, "140", (156 + 55 * place, 25, 45, 90))


def main(arguments: Sequence[str] | None = None) -> None:
    options = parse(__doc__ or "", arguments, 400)
    reader = PlateReader.from_models(shipped_models(options.models))
    rng = np.random.default_rng(11)
    glyphs, textures = load_glyphs(options.data / "glyphs"), load_textures(options.data, rng, 2000, held_out=True)
    blanks = _blanks(options.data / "glyphs" / "plate_model")
    report = Report("Rendered plates of the rarer forms, drawn in another way than for training")
    for form, draw in FORMS.items():
        exact = sum(_is_read(reader, *draw(blanks, glyphs, rng), textures, rng) for _ in range(options.count))
        report.add_row("exact, %", form=form, plates=options.count, usual_damage=100 * exact / options.count)
    report.finish(options)


def _blanks(folder: Path) -> dict[str, BgrImage]:
    blanks: dict[str, BgrImage] = {"civil_aviation": np.full((140, 440, 3), (80, 120, 10), np.uint8)}
    for path in folder.glob("*.PNG"):
        name = path.stem.removesuffix("_140")
        blank = cv2.imread(str(path))
        if blank is None:
            raise FileNotFoundError(f"cannot read the blank plate {path}")
        blanks[name] = np.asarray(cv2.resize(blank, SIZES.get(name, (440, 140)), interpolation=cv2.INTER_AREA))
    blanks["plain"] = np.full((140, 440, 3), 238, np.uint8)
    return blanks


def _is_read(reader: PlateReader, plate: BgrImage, text: str, textures: Textures, rng: np.random.Generator) -> bool:
    low, high = np.log(RENDERED_HEIGHTS_PX)
    height_px = float(np.exp(rng.uniform(low, high)))
    if plate.shape[0] == 220:
        crop = two_line_crop(plate, textures, rng, height_px, USUAL_STRENGTH)
    else:
        crop = middle(camera_view(plate, textures, rng, height_px, USUAL_STRENGTH))
    read = reader.read_crop(crop)
    return read is not None and canonical(read.text) == canonical(text)


Draw = Callable[[Mapping[str, BgrImage], GlyphSet, np.random.Generator], tuple[BgrImage, str]]


def _form(
    blank: str, text_of: Callable[[np.random.Generator], str], put: Callable[[Drawing, str], None], ink: Bgr = BLACK
) -> Draw:
    def draw(blanks: Mapping[str, BgrImage], glyphs: GlyphSet, rng: np.random.Generator) -> tuple[BgrImage, str]:
        drawing, text = Drawing(blanks[blank], glyphs, ink), text_of(rng)
        put(drawing, text)
        return drawing.image, text

    return draw


def _small_province(blanks: Mapping[str, BgrImage], glyphs: GlyphSet, rng: np.random.Generator) -> tuple[BgrImage, str]:
    drawing, text = Drawing(blanks["plain"], glyphs, BLACK), _armed_police(rng)
    drawing.small_province(text, rng)
    return drawing.image, text


def _pick(rng: np.random.Generator, characters: str, count: int = 1) -> str:
    return "".join(characters[int(place)] for place in rng.integers(len(characters), size=count))


def _civil(rng: np.random.Generator) -> str:
    return random_spec(rng, "blue").text.replace("O", "A")


def _marked(mark: str) -> Callable[[np.random.Generator], str]:
    return lambda rng: _civil(rng)[:6] + _pick(rng, mark)


def _military(rng: np.random.Generator) -> str:
    return _pick(rng, LETTERS.replace("W", "")) + _pick(rng, LETTERS) + _civil(rng)[2:]


def _armed_police(rng: np.random.Generator) -> str:
    return "WJ" + _pick(rng, PROVINCES) + _civil(rng)[2:]


FORMS: Mapping[str, Draw] = {
    "警": _form("white", _marked("警"), lambda d, t: d.row(t, 1, "警")),
    "military": _form("white_army", _military, lambda d, t: d.row(t, 2, head=2)),
    "military, two lines": _form("white_220", _military, lambda d, t: d.two_lines(t, head=2)),
    "使": _form("black_shi", lambda rng: _pick(rng, DIGITS, 6) + "使", lambda d, t: d.row(t, 3), WHITE),
    "领": _form("black_ling", _marked("领"), lambda d, t: d.row(t, 4), WHITE),
    "港澳": _form("black", lambda rng: "粤Z" + _marked("港澳")(rng)[2:], lambda d, t: d.row(t, 2), WHITE),
    "学": _form("yellow", _marked("学"), lambda d, t: d.row(t, 2)),
    "挂": _form("yellow_220", _marked("挂"), lambda d, t: d.two_lines(t)),
    "yellow, two lines": _form("yellow_220", _civil, lambda d, t: d.two_lines(t)),
    "应急": _form(
        "plain",
        lambda rng: _pick(rng, PROVINCES) + _pick(rng, "XS") + _pick(rng, DIGITS, 4) + "应急",
        lambda d, t: d.even_row(t, (6, 7)),
    ),
    "民航": _form("civil_aviation", lambda rng: "民航" + _civil(rng)[2:], lambda d, t: d.row(t, 2), WHITE),
    "WJ, small province": _small_province,
    "WJ, all alike": _form("plain", _armed_police, lambda d, t: d.even_row(t, (0, 1, 2))),
    "green": _form("green", lambda rng: random_spec(rng, "green").text, Drawing.new_energy),
    "green, large": _form("green_yellow", lambda rng: random_spec(rng, "green_large").text, Drawing.new_energy),
}


if __name__ == "__main__":
    main()
