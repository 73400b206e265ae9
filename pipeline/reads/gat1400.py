"""GA/T 1400 视图库: this box is the platform that a checkpoint camera registers with, or that another one notifies.

A message holds many vehicles; each has its own status in the reply. Pictures come in base64; what is only a
StorageUrl is never fetched: it may lead anywhere.
"""

from datetime import datetime, timedelta

from pipeline.reads.adapter import Message, Reply, Understood, UnreadableMessageError
from pipeline.reads.camera_read import CameraRead, SentRead
from pipeline.reads.dispositions import dispositions_deleted, dispositions_in, proposals_of
from pipeline.reads.json_tree import at, objects_at, parse_json
from pipeline.reads.plate_text import STYLE_OF_GA_COLOUR, colour_beside, plate_text
from pipeline.reads.texts import first_picture, moment_of, picture_of, scores_of, share_of, short

CONTENT_TYPE = "application/VIID+JSON"
OK, DECLINED, BAD_CONTENT = 0, 1, 8
WORDS = {OK: "OK", DECLINED: "布控须由本地名单员核对后导入，未生效", BAD_CONTENT: "Invalid content"}
NOT_SUBSCRIBED = "订阅须由本地管理员设置，未生效"
LISTS = ("MotorVehicleListObject", "MotorVehicleObjectList")
"""The first is the standard's name; a notification's is the second, which some send everywhere."""
NO_PLATE = ("0", "2", "false")
PLATE, VEHICLE, SCENE = "02", "01", "14"
"""Type of a SubImage: the plate, the vehicle, the scene."""
IMAGES_IN_ORDER = (SCENE, VEHICLE, "")
SIGNS_OF_LIFE = ("System/Register", "System/Keepalive", "System/UnRegister")
MOST_VEHICLES = 200
"""In one message."""


class Gat1400:
    title = "GA/T 1400 视图库"

    def understand(self, message: Message) -> Understood:
        resource = message.path.strip("/").removeprefix("VIID/").strip("/")
        if resource == "System/Time":
            return Understood(reply=time_reply(message.arrived_at, message.utc_offset))
        if message.method == "DELETE" and resource.lower().startswith("dispositions"):
            return _declined(dispositions_deleted(resource, message.query), message)
        document = parse_json(message.body)
        if resource in SIGNS_OF_LIFE:
            serial = serial_of(document)
            return Understood(reply=status_reply(message, [(serial, OK)], is_single=True), serial=serial)
        if resource.lower().startswith("disposition"):  # and DispositionNotifications: alarms of somebody else's list
            # The list follows travel records and nothing else: what a platform wants is for the data steward to decide.
            return _declined(dispositions_in(document), message)
        if resource.lower().startswith("subscribes"):
            return _not_subscribed(document, message)
        vehicles = _vehicles(document)
        if not vehicles and resource.lower() == "motorvehicles" and not _is_empty_list(document):
            raise UnreadableMessageError("MotorVehicles 里没有 MotorVehicleObject")
        if not vehicles:
            return Understood(reply=status_reply(message, [(None, OK)]))
        if len(vehicles) > MOST_VEHICLES:
            raise UnreadableMessageError(f"一条报文里超过 {MOST_VEHICLES} 辆车")
        return _understood(vehicles, message)


def _declined(asked: list[dict[str, object]], message: Message) -> Understood:
    """Say upward, of each 布控, that it has not taken effect: who hears OK believes that it has.

    What it says of vehicles goes to the data steward. Raises UnreadableMessageError.
    """
    if len(asked) > MOST_VEHICLES:
        raise UnreadableMessageError(f"more than {MOST_VEHICLES} 布控 in one message")
    statuses = [(short(at(one, "DispositionID")), DECLINED) for one in asked] or [(None, DECLINED)]
    proposals = [proposals_of(one, message.utc_offset) for one in asked]
    words = f"上级布控 {len(statuses)} 条未生效：请名单管理员在“布控建议”里核对办理"
    if unnamed := sum(not each for each in proposals):
        words += f"；其中 {unnamed} 条没有完整号牌，没有收下"
    return Understood(
        reply=status_reply(message, statuses),
        proposals=tuple(one for each in proposals for one in each),
        declined=words,
    )


def _not_subscribed(document: dict[str, object], message: Message) -> Understood:
    """Say upward that nothing will be sent: which plates leave a box is said in its settings."""
    asked = objects_at(document, "SubscribeListObject", "SubscribeObject") or objects_at(document, "SubscribeObject")
    given = [short(at(one, "SubscribeID")) for one in asked[:MOST_VEHICLES]] or [None]
    reply = status_reply(message, [(one, DECLINED) for one in given], words=NOT_SUBSCRIBED)
    said = "、".join(one[:40] for one in given if one)
    words = f"上级订阅 {said}未生效：要报送，请在 [[alerts.channel]]（gat1400）里写 subscribe_id 和 receive_path"
    return Understood(reply=reply, declined=words)


def serial_of(document: dict[str, object]) -> str | None:
    """Return the DeviceID of a Register, Keepalive or UnRegister object; some send it as a number, some unwrapped."""
    for wrapper in ("RegisterObject", "KeepaliveObject", "UnRegisterObject"):
        if (found := short(at(document, wrapper, "DeviceID"))) is not None:
            return found
    return short(at(document, "DeviceID"))


def status_reply(
    message: Message,
    statuses: list[tuple[str | None, int]],
    *,
    is_single: bool = False,
    http_status: int = 200,
    words: str = "",
) -> Reply:
    """Return the ResponseStatus of each (id, code): a list, or the single form of the system's own resources."""
    stamp = local_stamp(message.arrived_at, message.utc_offset)
    objects = [
        {
            "RequestURL": "/VIID/" + message.path.strip("/").removeprefix("VIID/").strip("/"),
            "StatusCode": code,
            "StatusString": words or WORDS[code],
            "Id": given or "",
            "LocalTime": stamp,
        }
        for given, code in statuses
    ]
    if is_single:
        return _json({"ResponseStatusObject": objects[0]}, http_status)
    return _json({"ResponseStatusListObject": {"ResponseStatusObject": objects}}, http_status)


def time_reply(now: datetime, utc_offset: timedelta) -> Reply:
    hours = round(utc_offset.total_seconds() / 3600)
    stamp = local_stamp(now, utc_offset)
    said = {"VIIDServerID": "", "TimeMode": "0", "LocalTime": stamp, "TimeZone": f"UTC{hours:+d}"}
    return _json({"SystemTimeObject": said}, 200)


def local_stamp(moment: datetime, utc_offset: timedelta) -> str:
    return f"{(moment.replace(tzinfo=None) - (moment.utcoffset() or timedelta()) + utc_offset):%Y%m%d%H%M%S}"


def _json(document: object, status: int) -> Reply:
    plain = Reply.of_json(document, CONTENT_TYPE)
    return Reply(plain.body, plain.content_type, status)


def _vehicles(document: dict[str, object]) -> list[dict[str, object]]:
    """Return the vehicles of a list, of one alone, and of a platform's notifications."""
    found = objects_at(document, "MotorVehicleObject")
    for name in LISTS:
        found += objects_at(document, name, "MotorVehicleObject")
        found += objects_at(document, "data", name, "MotorVehicleObject")
    for notice in objects_at(document, "SubscribeNotificationListObject", "SubscribeNotificationObject"):
        for name in LISTS:
            found += objects_at(notice, name, "MotorVehicleObject")
    return found


def _is_empty_list(document: dict[str, object]) -> bool:
    return any(at(document, name, "MotorVehicleObject") == [] for name in LISTS)


def _understood(vehicles: list[dict[str, object]], message: Message) -> Understood:
    reads: list[SentRead] = []
    statuses: list[tuple[str | None, int]] = []
    for vehicle in vehicles:
        given = short(at(vehicle, "MotorVehicleID"))
        try:
            reads.append(_read(vehicle, given, message))
            statuses.append((given, OK))
        except UnreadableMessageError:
            statuses.append((given, BAD_CONTENT))
    if not reads:
        raise UnreadableMessageError("没有一辆车能看懂")
    return Understood(tuple(reads), status_reply(message, statuses))


def _read(vehicle: dict[str, object], given: str | None, message: Message) -> SentRead:
    raw = short(at(vehicle, "PlateNo")) or ""
    has_none = (short(at(vehicle, "HasPlate")) or "").lower() in NO_PLATE and not raw
    try:
        text = "" if has_none else plate_text(raw)
    except ValueError as error:
        raise UnreadableMessageError(str(error)) from error
    images = _images(vehicle)
    read = CameraRead(
        text=text,
        raw_text=raw,
        message_id=given,
        char_scores=_char_scores(vehicle, text),
        score=_score(vehicle),
        style=STYLE_OF_GA_COLOUR.get(short(at(vehicle, "PlateColor")) or "") or colour_beside(raw),
        plate_class=_plate_class(vehicle),
        captured_at=moment_of(at(vehicle, "PassTime") or at(vehicle, "AppearTime"), message.utc_offset),
        lane=short(at(vehicle, "LaneNo")),
        direction=short(at(vehicle, "Direction")),
        vehicle_type=short(at(vehicle, "VehicleClass")),
        serial=short(at(vehicle, "DeviceID")),
    )
    scene = first_picture(*(images.get(kind, b"") for kind in IMAGES_IN_ORDER))
    return SentRead(read, images.get(PLATE, b""), scene)


def _images(vehicle: dict[str, object]) -> dict[str, bytes]:
    """Return the pictures that came along, by their type."""
    images: dict[str, bytes] = {}
    for image in objects_at(vehicle, "SubImageList", "SubImageInfoObject"):
        kind = (short(at(image, "Type")) or "").zfill(2) if at(image, "Type") is not None else ""
        images.setdefault(kind, picture_of(at(image, "Data")))
    return images


def _char_scores(vehicle: dict[str, object], text: str) -> tuple[float, ...]:
    """Return the scores of 苏-80,B-90,...; most devices send "1", which says nothing."""
    parts = (short(at(vehicle, "PlateCharReliability")) or "").split(",")
    pairs = [part.strip().rpartition("-") for part in parts]
    scores = scores_of([score for _, _, score in pairs])
    is_whole = len(scores) == len(text) and all(len(character) == 1 for character, _, _ in pairs)
    return scores if is_whole else ()


def _score(vehicle: dict[str, object]) -> float | None:
    """Return the plate's score; "1" and less occur as a filler on a scale to 100."""
    score = share_of(at(vehicle, "PlateReliability"), 100)
    return None if score is None or score <= 0.01 else score


def _plate_class(vehicle: dict[str, object]) -> str | None:
    code = (short(at(vehicle, "PlateClass")) or "").zfill(2)
    return code if code.isdecimal() and len(code) == 2 and 0 < int(code) < 99 else None


ADAPTER = Gat1400()
