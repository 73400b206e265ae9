"""Axis License Plate Verifier: JSON push. One carID is one passage; its text changes between new and lost."""

from pipeline.reads.adapter import Message, Understood, UnreadableMessageError
from pipeline.reads.camera_read import CameraRead, SentRead
from pipeline.reads.json_tree import at, objects_at, parse_json
from pipeline.reads.plate_text import plate_text
from pipeline.reads.texts import box_of, first_picture, moment_of, picture_of, share_of, short

STAGES = {"new": "new", "update": "update", "lost": "lost"}


class Axis:
    title = "Axis License Plate Verifier"

    def understand(self, message: Message) -> Understood:
        document = parse_json(message.body)
        names = ("plateUTF8", "plateUnicode", "plateText")
        raw = next((text for name in names if (text := short(at(document, name)))), None)
        if raw is None and at(document, "carID") is None:
            return Understood()
        try:
            text = plate_text(raw or "")
        except ValueError as error:
            raise UnreadableMessageError(str(error)) from error
        car, counter = short(at(document, "carID")), short(at(document, "packetCounter"))
        captured_at = moment_of(at(document, "capture_timestamp") or _datetime(document), message.utc_offset)
        read = CameraRead.model_validate(
            {
                "text": text,
                "raw_text": raw or "",
                "message_id": f"{counter}#{car}#{short(at(document, 'carState'))}"[:200] if counter else None,
                "score": share_of(at(document, "plateConfidence"), 1),
                "captured_at": captured_at,
                "direction": short(at(document, "carMoveDirection")),
                "serial": short(at(document, "camera_info", "SerialNumber") or at(document, "cameraId")),
                "passage_id": car,
                "stage": STAGES.get(short(at(document, "carState")) or "", "whole"),
                "plate_box": _plate_box(document),
            }
        )
        pictures = {
            (short(at(one, "ImageType")) or "").lower(): picture_of(at(one, "BinaryImage"))
            for one in objects_at(document, "ImageArray")
        }
        scene = first_picture(*(picture for kind, picture in pictures.items() if kind != "plate"))
        return Understood((SentRead(read, pictures.get("plate", b""), scene),))


def _datetime(document: dict[str, object]) -> str | None:
    """Return the older firmware's time (20190123 154156000) without its blank."""
    text = short(at(document, "datetime"))
    return text.replace(" ", "") if text else None


def _plate_box(document: dict[str, object]) -> tuple[float, float, float, float] | None:
    """Return the box only where its size relative to the picture is said."""
    box = at(document, "plateCoordinatesRelative")
    if not isinstance(box, list) or len(box) != 4:
        return None
    x, y, width, height = (share_of(value, 1) for value in box)
    if x is None or y is None or width is None or height is None:
        return None
    return box_of(x, y, x + width, y + height, 1, 1)


ADAPTER = Axis()
