"""Any device that posts JSON: `kakou.toml` says where in it each thing stands."""

from pipeline.reads.adapter import Message, Understood, UnreadableMessageError
from pipeline.reads.camera_read import CameraRead, SentRead
from pipeline.reads.json_tree import at, parse_json
from pipeline.reads.plate_text import colour_beside, plate_text, style_of_word
from pipeline.reads.texts import moment_of, picture_of, share_of, short

PICTURES = ("plate_picture", "scene_picture")
DEFAULT_PATHS = {
    name: name
    for name in ("text", "message_id", "score", "captured_at", "lane", "direction", "style", "serial", *PICTURES)
}
"""Without a mapping, the fields are called as kakou calls them."""


class JsonMapping:
    title = "其他设备：JSON 字段对照"

    def understand(self, message: Message) -> Understood:
        document = parse_json(message.body)
        paths = DEFAULT_PATHS | dict(message.mapping.paths)
        found = {name: at(document, *path.split(".")) for name, path in paths.items()}
        if found["text"] is None and all(found[name] is None for name in PICTURES):
            return Understood()
        return Understood((_read(found, message),))


def _read(found: dict[str, object], message: Message) -> SentRead:
    raw = short(found["text"]) or ""
    try:
        text = plate_text(raw)
    except ValueError as error:
        raise UnreadableMessageError(str(error)) from error
    score = share_of(found["score"], 1)
    is_percent = isinstance(found["score"], int | float) and found["score"] > 1
    read = CameraRead(
        text=text,
        raw_text=raw,
        message_id=short(found["message_id"]),
        score=share_of(found["score"], 100) if is_percent else score,
        style=colour_beside(raw) or style_of_word(short(found["style"])),
        captured_at=moment_of(found["captured_at"], message.utc_offset),
        lane=short(found["lane"]),
        direction=short(found["direction"]),
        serial=short(found["serial"]),
    )
    return SentRead(read, picture_of(found["plate_picture"]), picture_of(found["scene_picture"]))


ADAPTER = JsonMapping()
