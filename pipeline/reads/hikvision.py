"""Hikvision ISAPI, "HTTP listening": an ANPR event as XML (or the same as JSON), alone or with pictures around it.

The same address gets all other events of the camera (motion, lost video, heartbeats): they are answered, not kept.
"""

from dataclasses import replace
from datetime import timedelta
from xml.etree import ElementTree

from pipeline.reads.adapter import Message, SentCrossing, Understood, UnreadableMessageError
from pipeline.reads.camera_read import CameraRead, SentRead
from pipeline.reads.json_tree import parse_json
from pipeline.reads.multipart import Part, parts_of
from pipeline.reads.plate_text import colour_beside, plate_text, style_of_word
from pipeline.reads.texts import as_picture, box_of, first_picture, moment_of, scores_of, share_of, short
from pipeline.reads.xml_tree import Element, parse_xml

READS = ("anpr", "vehiclematchresult")
CROSSINGS = ("fielddetection", "linedetection", "regionentrance", "regionexiting")
"""A guard camera's: somebody crossed a line or entered a field."""
GRID = 1000
"""Some firmware gives rectangles on a grid of 0 to 1000 whatever the picture's size."""
PLATE_PICTURES = ("licenseplate", "plate", "车牌", "号牌")
JPEG = b"\xff\xd8\xff"
SCENE_PICTURES = ("detection", "vehicle", "scene", "background", "场景", "背景", "全景", "车辆")
GA_CLASSES = {"newEnergy": None, "92TypeArm": "31", "leftRightMilitay": "31", "oneLineArm": "31", "twoLineArm": "31",
              "2012TypeOneLineArm": "31", "2012TypeTwoLineArm": "31", "upDownMilitay": "32", "04NewMilitay": "32",
              "embassy": "03", "consulate": "04", "hongKongMacao": None, "civilAviation": "99",
              "coach": "16", "trailer": "15"}  # fmt: skip
"""plateType (the vendor's spellings) to GA/T 16.7, as far as integrators agree; None and what is missing: unknown."""


class Hikvision:
    title = "海康威视 Hikvision ISAPI"

    def understand(self, message: Message) -> Understood:
        events = _events(_parts(message))
        if not events:
            raise UnreadableMessageError("各段里没有事件")
        reads: list[SentRead] = []
        crossings: list[SentCrossing] = []
        unreadable: list[str] = []
        for parts in events:
            try:
                found = _understood(parts, message.utc_offset)
            except UnreadableMessageError as error:
                unreadable.append(str(error))
                continue
            if isinstance(found, SentCrossing):
                crossings.append(found)
            elif found is not None:
                reads.append(found)
        if len(unreadable) == len(events):
            raise UnreadableMessageError(unreadable[0])
        return Understood(_of_different_vehicles(reads), crossings=tuple(crossings), unreadable="；".join(unreadable))


def _events(parts: list[Part]) -> list[list[Part]]:
    """Return the parts of each event: its text first, then its pictures, which came before it or behind it."""
    texts = [place for place, part in enumerate(parts) if _is_text(part)]
    if not texts:
        return []
    if texts[0] == 0:
        return [parts[begin:end] for begin, end in zip(texts, [*texts[1:], len(parts)], strict=True)]
    begins = [0, *(text + 1 for text in texts[:-1])]
    ends = [*texts[:-1], len(parts) - 1]
    return [
        [parts[text], *parts[begin:text], *parts[text + 1 : end + 1]]
        for text, begin, end in zip(texts, begins, ends, strict=True)
    ]


def _understood(parts: list[Part], utc_offset: timedelta) -> SentRead | SentCrossing | None:
    """Return what an event says; None where it is neither a read nor a crossing. Raises UnreadableMessageError."""
    event = _event(parts[0].content)
    kind = (event.said("eventType") or "").lower()
    if kind in CROSSINGS and (event.said("eventState") or "active").lower() == "active":
        picture = next((part.content for part in parts if part.content.startswith(JPEG)), b"")
        return SentCrossing(short(event.said("UUID")), moment_of(event.said("dateTime"), utc_offset), picture)
    if kind not in READS and event.first("ANPR") is None:
        return None
    return _read(event, parts, utc_offset)


def _parts(message: Message) -> list[Part]:
    if message.content_type.lower().startswith("multipart/") or message.body.lstrip()[:2] == b"--":
        return parts_of(message.content_type, message.body)
    return [Part("", "application/xml", message.body)]


def _is_text(part: Part) -> bool:
    return _first_mark(part.content) in (b"<", b"{")


def _first_mark(content: bytes) -> bytes:
    """Return the first byte of a text behind the marks of UTF-8 or UTF-16 and white space."""
    return content[:200].lstrip(b"\xef\xbb\xbf\xff\xfe \t\r\n\0")[:1]


def _of_different_vehicles(reads: list[SentRead]) -> tuple[SentRead, ...]:
    """Leave out what is said twice, as XML and as JSON; no two vehicles keep the id of one message."""
    kept: dict[tuple[object, ...], SentRead] = {}
    ids: set[str | None] = {None}
    for sent in reads:
        read = sent.read
        if (said := (read.message_id, read.text, read.captured_at, read.lane)) in kept:
            continue
        kept[said] = (
            replace(sent, read=read.model_copy(update={"message_id": None})) if read.message_id in ids else sent
        )
        ids.add(read.message_id)
    return tuple(kept.values())


def _event(content: bytes) -> Element:
    if _first_mark(content) == b"{":
        document = parse_json(content)
        inner = document.get("EventNotificationAlert", document)
        return Element.of_tree(_as_node("EventNotificationAlert", inner))
    return parse_xml(content)


def _as_node(name: str, value: object, depth: int = 0) -> ElementTree.Element:
    """Return the JSON form as the tree that the XML form gives."""
    if depth > 20:
        raise UnreadableMessageError("JSON 层数太多，不是事件")
    node = ElementTree.Element(name)
    if isinstance(value, dict):
        for key, item in value.items():
            node.extend(_as_node(key, one, depth + 1) for one in (item if isinstance(item, list) else [item]))
    else:
        node.text = short(value)
    return node


def _read(event: Element, parts: list[Part], utc_offset: timedelta) -> SentRead:
    anpr = event.first("ANPR")
    if anpr is None:
        raise UnreadableMessageError("ANPR 事件里没有 ANPR")
    raw = anpr.said("licensePlate") or ""
    try:
        text = plate_text(raw)
    except ValueError as error:
        raise UnreadableMessageError(str(error)) from error
    plate = _picture(parts, *PLATE_PICTURES)
    scene = first_picture(_picture(parts, *SCENE_PICTURES), _unnamed_picture(parts, plate))
    read = CameraRead(
        text=text,
        raw_text=raw[:200],
        message_id=short(event.said("UUID")),
        char_scores=_char_scores(anpr, text),
        score=share_of(anpr.said("confidenceLevel"), 100),
        style=colour_beside(raw) or style_of_word(anpr.said("plateColor")),
        plate_class=_plate_class(event, anpr),
        captured_at=moment_of(event.said("dateTime"), utc_offset),
        lane=short(anpr.said("line")),
        direction=short(anpr.said("direction")),
        vehicle_type=short(event.said("VehicleGATInfo", "vehicleTypeByGAT") or anpr.said("vehicleType")),
        serial=short(event.said("deviceID") or event.said("macAddress")),
        is_resent=(event.said("isDataRetransmission") or "").lower() == "true",
        plate_box=_plate_box(event) if scene else None,
    )
    return SentRead(read, plate, scene)


def _char_scores(anpr: Element, text: str) -> tuple[float, ...]:
    """Return the beliefs where there is one for each character: some firmware counts the colour in, some do not."""
    scores = scores_of((anpr.said("plateCharBelieve") or "").split(","))
    if len(scores) == len(text) + 1:
        scores = scores[1:]
    return scores if len(scores) == len(text) else ()


def _plate_class(event: Element, anpr: Element) -> str | None:
    code = event.said("VehicleGATInfo", "palteTypeByGAT") or event.said("VehicleGATInfo", "plateTypeByGAT")
    if code and code.isdecimal() and 0 < int(code) < 99:
        return f"{int(code):02d}"
    return GA_CLASSES.get(anpr.said("plateType") or "")


def _picture(parts: list[Part], *names: str) -> bytes:
    """Return the first picture whose part is named so, in the order of the names; parts of length 0 are none."""
    for name in names:
        for part in parts:
            if name in part.name and part.content and not _is_text(part):
                return as_picture(part.content)
    return b""


def _unnamed_picture(parts: list[Part], plate: bytes) -> bytes:
    """Return the largest picture that no name says anything of."""
    pictures = [part.content for part in parts if part.content.startswith(JPEG) and part.content != plate]
    return max(pictures, key=len, default=b"")


def _plate_box(event: Element) -> tuple[float, float, float, float] | None:
    rect = event.anywhere("plateRect")
    if rect is None:
        return None
    x, y, width, height = [_number(rect, name) for name in ("X", "Y", "width", "height")]
    if x is None or y is None or width is None or height is None:
        return None
    size = event.first("detectionBackgroundImageResolution")
    full_width, full_height = (_number(size, "width"), _number(size, "height")) if size else (None, None)
    if x + width > GRID or y + height > GRID:
        return box_of(x, y, x + width, y + height, full_width, full_height)
    return box_of(x, y, x + width, y + height, GRID, GRID)


def _number(element: Element, name: str) -> float | None:
    share = share_of(element.said(name) or element.said(name.lower()), 1e6)
    return None if share is None else share * 1e6


ADAPTER = Hikvision()
