"""AlarmInfoPlate: the JSON of the gate cameras of 臻识 (Vzenith), 博粤 and those sold under other names.

The camera does what it is answered: `info: "ok"` opens the barrier. kakou answers "no" to everything: it looks, and
people decide. `retransfer_stop` ends the sending of one read again and again.
"""

import base64
import binascii
from datetime import datetime

from pipeline.reads.adapter import Message, Reply, Understood, UnreadableMessageError
from pipeline.reads.camera_read import CameraRead, SentRead
from pipeline.reads.json_tree import at, objects_at, parse_json
from pipeline.reads.plate_text import colour_beside, plate_text
from pipeline.reads.texts import moment_of, picture_of, share_of, short

STYLE_OF_COLOUR = {"1": "blue", "2": "yellow", "3": "white", "4": "black", "5": "green"}
"""colorType; 0 is unknown."""
READ_REPLY = {"Response_AlarmInfoPlate": {"info": "no", "content": "retransfer_stop", "is_pay": "false"}}
SIGN_OF_LIFE_REPLY = {"Response_Heartbeat": {"info": "no", "shutoff": "no", "snapnow": "no"}}
RESULT = ("AlarmInfoPlate", "result", "PlateResult")


class AlarmInfoPlate:
    title = "臻识、博粤等 AlarmInfoPlate"

    def understand(self, message: Message) -> Understood:
        document = _from_broker(parse_json(message.body))
        results = objects_at(document, *RESULT)
        if at(document, "AlarmInfoPlate") is None:
            return Understood(reply=Reply.of_json(SIGN_OF_LIFE_REPLY))
        if not results:
            raise UnreadableMessageError("AlarmInfoPlate 里没有 result.PlateResult")
        return Understood(tuple(_read(document, result, message) for result in results), Reply.of_json(READ_REPLY))


def _from_broker(document: dict[str, object]) -> dict[str, object]:
    """Return the message itself where it comes in the envelope of MQTT, its text as it is over HTTP."""
    payload = at(document, "payload")
    if not isinstance(payload, dict):
        return document
    result = at(payload, *RESULT)
    license_text = at(result, "license")
    if isinstance(result, dict) and isinstance(license_text, str):
        try:
            result["license"] = base64.b64decode(license_text, validate=True).decode()
        except (binascii.Error, ValueError):
            result["license"] = license_text
    return payload


def _read(document: dict[str, object], result: dict[str, object], message: Message) -> SentRead:
    raw = short(at(result, "license")) or ""
    try:
        text = plate_text(raw)
    except ValueError as error:
        raise UnreadableMessageError(str(error)) from error
    serial = short(at(document, "AlarmInfoPlate", "serialno"))
    read = CameraRead(
        text=text,
        raw_text=raw,
        score=share_of(at(result, "confidence"), 100),
        style=colour_beside(raw) or STYLE_OF_COLOUR.get(short(at(result, "colorType")) or ""),
        captured_at=_captured_at(result, message),
        lane=short(at(document, "AlarmInfoPlate", "channel")),
        direction=short(at(result, "direction")),
        serial=serial,
    )
    # A whole scene under either name; the fragment is the plate alone.
    scene = picture_of(at(result, "imageFile"))
    return SentRead(read, picture_of(at(result, "imageFragmentFile")), scene)


def _captured_at(result: dict[str, object], message: Message) -> datetime | None:
    stamp = at(result, "timeStamp", "Timeval")
    seconds, micro = at(stamp, "sec"), at(stamp, "usec")
    if isinstance(seconds, float):
        return moment_of(seconds, message.utc_offset)
    if not isinstance(seconds, int) or isinstance(seconds, bool):
        return moment_of(seconds, message.utc_offset)
    is_whole = isinstance(micro, int) and 0 <= micro < 1_000_000
    return moment_of(seconds * 1000 + (micro // 1000 if is_whole else 0), message.utc_offset)  # type: ignore[operator]  # mypy does not see that is_whole says int


ADAPTER = AlarmInfoPlate()
