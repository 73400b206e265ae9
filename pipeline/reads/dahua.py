"""Dahua ITSAPI push (port 7070 by default): JSON with pictures in base64.

Its digest is none: realm and nonce come empty. Only a secret path, a certificate or a network of its own tells that a
message comes from the camera. Sending again ends with {"Result": true}.
"""

from pipeline.reads.adapter import Message, Reply, SentCrossing, Understood, UnreadableMessageError
from pipeline.reads.camera_read import CameraRead, SentRead
from pipeline.reads.json_tree import at, parse_json
from pipeline.reads.plate_text import colour_beside, plate_text, style_of_word
from pipeline.reads.texts import box_of, first_picture, moment_of, picture_of, share_of, short

BOX_GRID = 8191
"""Dahua's rectangles lie on a grid of 0 to 8191 (events); pictures of the push are in pixels of NormalPic."""
TAKEN = {"Result": True}
CROSSINGS = ("CrossLineDetection", "CrossRegionDetection")


class Dahua:
    title = "大华 Dahua ITSAPI"

    def understand(self, message: Message) -> Understood:
        if not message.body.strip():
            return Understood(reply=Reply.of_json(TAKEN))
        document = parse_json(message.body)
        picture = at(document, "Picture")
        if (code := short(at(document, "Code"))) in CROSSINGS:
            return Understood(crossings=(_crossing(document, code or "", message),), reply=Reply.of_json(TAKEN))
        if picture is None:  # KeepAlive, DeviceInfo
            return Understood(reply=Reply.of_json(TAKEN))
        if not isinstance(picture, dict):
            raise UnreadableMessageError("TollgateInfo 里没有 Picture")
        return Understood((_read(picture, message),), Reply.of_json(TAKEN))


def _read(picture: dict[str, object], message: Message) -> SentRead:
    raw = short(at(picture, "Plate", "PlateNumber")) or ""
    try:
        text = "" if at(picture, "Plate", "IsExist") is False else plate_text(raw)
    except ValueError as error:
        raise UnreadableMessageError(str(error)) from error
    scene = first_picture(*(picture_of(at(picture, name, "Content")) for name in ("NormalPic", "VehiclePic")))
    upload = short(at(picture, "Plate", "UploadNum"))
    captured_at = moment_of(at(picture, "SnapInfo", "AccurateTime"), message.utc_offset)
    name = short(at(picture, "NormalPic", "PicName"))
    read = CameraRead(
        text=text,
        raw_text=raw,
        message_id=f"{name}#{upload or ''}"[:200] if name else None,
        score=share_of(at(picture, "Plate", "Confidence"), 100),
        style=colour_beside(raw) or style_of_word(short(at(picture, "Plate", "PlateColor"))),
        captured_at=captured_at,
        lane=short(at(picture, "Plate", "Channel")),
        direction=short(at(picture, "SnapInfo", "Direction")),
        vehicle_type=short(at(picture, "Vehicle", "VehicleType")),
        serial=short(at(picture, "SnapInfo", "DeviceID")),
        plate_box=_plate_box(picture) if scene else None,
    )
    return SentRead(read, picture_of(at(picture, "CutoutPic", "Content")), scene)


def _plate_box(picture: dict[str, object]) -> tuple[float, float, float, float] | None:
    box = at(picture, "Plate", "BoundingBox")
    if not isinstance(box, list) or len(box) != 4:
        return None
    left, top, right, bottom = box
    return box_of(left, top, right, bottom, BOX_GRID, BOX_GRID)


def _crossing(document: dict[str, object], code: str, message: Message) -> SentCrossing:
    index = short(at(document, "Index")) or ""
    moment = moment_of(at(document, "Data", "UTC") or at(document, "UTC"), message.utc_offset)
    return SentCrossing(f"{code}#{index}#{moment.timestamp()}" if moment else None, moment)


ADAPTER = Dahua()
