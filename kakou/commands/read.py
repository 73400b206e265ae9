"""`kakou read`: photos or plate crops in, plate reads out."""

import time
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import track
from rich.table import Table

from kakou.exit_codes import ExitCode
from kakou.output import put_json
from kakou.terminal import marked, stderr, stdout
from ocr.decoding import PictureDecoder
from ocr.images import find_images, shown_name
from ocr.looks import class_name
from ocr.models_folder import shipped_models
from ocr.reader import PlateReader
from ocr.types import BoundingBox, DecodedPicture, OcrError, PlateRead
from pipeline.replay.units import cannot_be_opened, find_videos

app = typer.Typer(add_completion=False, rich_markup_mode="markdown")


@app.command()
def read(
    images: Annotated[list[Path], typer.Argument(help="Image files, or folders of images.", metavar="IMAGE...")],
    crops: Annotated[bool, typer.Option("--crops", help="Each image is one plate, already cut out.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line on stdout.")] = False,
    ocr_model: Annotated[
        str | None,
        typer.Option(help="A model of the fast-plate-ocr hub instead of ours; those know no province character."),
    ] = None,
) -> None:
    """Read the plates in photos or plate crops.

    Files that cannot be read, wholly or in part, are named on stderr, the rest is done, and the exit code is 3.

    Examples:

    - `kakou read photo.jpg`
    - `kakou read photos/ --json > reads.jsonl`
    - `kakou read --crops plates/*.png`
    """
    messages = stderr()
    reader = PlateReader.from_models(shipped_models(), hub_model=ocr_model)
    paths, unreadable = _expand(images, messages)
    table, in_part = _new_table(), 0
    with PictureDecoder() as decoder:
        for path in track(paths, "识别", console=messages, disable=not messages.is_terminal or len(paths) < 5):
            try:
                picture = decoder.load(path)
            except OcrError as error:
                _complain(messages, error)
                unreadable += 1
                continue
            started = time.perf_counter()
            plates, unseen = _read_one(reader, picture, crops)
            elapsed_ms = (time.perf_counter() - started) * 1000
            in_part += picture.unseen is not None
            if unseen:
                _say_incomplete(messages, path, unseen)
            if as_json:
                put_json(_as_json(path, plates, elapsed_ms) | ({"complete": False} if unseen else {}))
            else:
                _add_rows(table, path, plates, elapsed_ms)
    if not as_json and table.row_count:
        stdout().print(table)
    if unreadable or in_part:
        told = {"个输入无法读取": unreadable, "个没有读全": in_part}
        messages.print("，".join(f"{count} {what}" for what, count in told.items() if count))
        raise typer.Exit(ExitCode.UNREADABLE)


def _expand(images: Iterable[Path], messages: Console) -> tuple[list[Path], int]:
    """Return the image files that the arguments mean, and how many arguments and files in folders were none."""
    paths: list[Path] = []
    failed = 0
    for argument in images:
        try:
            found, errors = find_images(argument)
            told = [f"{video}：这是录像，用 kakou replay" for video in find_videos(argument)]
            told += map(cannot_be_opened, errors)
            paths.extend(found)
            for text in told:
                _complain(messages, OcrError(text))
            failed += len(told)
        except OcrError as error:
            _complain(messages, error)
            failed += 1
    return paths, failed


def _read_one(reader: PlateReader, picture: DecodedPicture, is_crop: bool) -> tuple[list[PlateRead], str | None]:
    """Return the plates, and what was not looked at; None where all was."""
    if not is_crop:
        seen = reader.look(picture.image)
        unseen = picture.unseen or (None if seen.is_complete else "像号牌的地方太多，只看了最像的")
        return [_enlarged(plate, picture.shrunk_by) for plate in seen.plates], unseen
    plate = reader.read_crop(picture.image)
    return ([] if plate is None else [_enlarged(plate, picture.shrunk_by)]), picture.unseen


def _enlarged(plate: PlateRead, factor: int) -> PlateRead:
    """Return the read where it is in the file's own picture."""
    if factor == 1:
        return plate
    box = BoundingBox(*(factor * value for value in plate.box.as_list()))
    return replace(plate, box=box, corners=plate.corners * factor)


def _as_json(path: Path, plates: list[PlateRead], elapsed_ms: float) -> dict[str, object]:
    return {"path": str(path), "plates": [_plate_json(plate) for plate in plates], "ms": round(elapsed_ms, 2)}


def _plate_json(plate: PlateRead) -> dict[str, object]:
    return {
        "text": plate.text,
        "plate_class": plate.plate_class,
        "confidence": round(plate.confidence, 4),
        "char_probs": [round(probability, 4) for probability in plate.char_probs],
        "box": [round(value, 1) for value in plate.box.as_list()],
        "corners": [[round(float(x), 1), round(float(y), 1)] for x, y in plate.corners],
    }


def _new_table() -> Table:
    table = Table("文件", "号牌", "种类", "置信度", "最弱字符", "毫秒")
    for column in table.columns[3:]:
        column.justify = "right"
    return table


def _add_rows(table: Table, path: Path, plates: list[PlateRead], elapsed_ms: float) -> None:
    if not plates:
        table.add_row(shown_name(path), "—", "未发现号牌", "", "", f"{elapsed_ms:.0f}")
    for cells in _plate_cells(plates):
        table.add_row(shown_name(path), *cells, f"{elapsed_ms:.0f}")


def _plate_cells(plates: list[PlateRead]) -> Iterator[tuple[str, str, str, str]]:
    for plate in plates:
        weakest = plate.text[min(range(len(plate.text)), key=lambda slot: plate.char_probs[slot])]
        yield (
            plate.text,
            f"{plate.plate_class} {class_name(plate.plate_class)}",
            f"{plate.confidence:.2f}",
            weakest,
        )


def _say_incomplete(messages: Console, path: Path, unseen: str) -> None:
    messages.print(marked("yellow", "没有看完", f"{shown_name(path)}：{unseen}"), soft_wrap=True)


def _complain(messages: Console, error: OcrError) -> None:
    messages.print(marked("red", "无法读取", str(error)), soft_wrap=True)
