"""Messages as the makers' cameras send them, for tests of a box at work; written from their field lists.

Whoever adds a maker adds a message of it: `kakou reads test` sends it.
"""

import base64
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone

from pipeline.reads.adapter import Mapping, Message

BEIJING = timezone(timedelta(hours=8))
NOON = datetime(2026, 11, 24, 4, 0, 0, tzinfo=UTC)
JPEG = b"\xff\xd8\xff\xe0" + bytes(range(200)) + b"\xff\xd9"
GAT_DEVICE = "37021100001190000001"
BOUNDARY = "---------------------------7e13971310878"


@dataclass(frozen=True, slots=True)
class Said:
    """What a sample shall say."""

    text: str = "鲁B12345"
    at: datetime = NOON
    message_id: str = "46dd0716-1dd2-11b2-821f-8ba17e6f56b7"
    plate: bytes = JPEG
    scene: bytes = JPEG + b"scene"
    serial: str = "K01-serial"
    is_resent: bool = False


@dataclass(frozen=True, slots=True)
class Wire:
    path: str
    content_type: str
    body: bytes

    def message(self, mapping: Mapping | None = None) -> Message:
        return Message(self.path, self.content_type, self.body, NOON, mapping=mapping or Mapping())


HIKVISION_XML = """<?xml version="1.0" encoding="utf-8"?>
<EventNotificationAlert version="2.0" xmlns="{namespace}">
<ipAddress>10.20.7.11</ipAddress>
<ipv6Address>::</ipv6Address>
<portNo>8070</portNo>
<protocol>HTTP</protocol>
<macAddress>44:00:00:00:00:01</macAddress>
<channelID>1</channelID>
<dateTime>{at}</dateTime>
<activePostCount>17</activePostCount>
<eventType>ANPR</eventType>
<eventState>active</eventState>
<eventDescription>ANPR</eventDescription>
<channelName>IP CAPTURE CAMERA</channelName>
<deviceID>{serial}</deviceID>
<ANPR>
<country>59</country>
<licensePlate>{text}</licensePlate>
<line>1</line>
<direction>reverse</direction>
<confidenceLevel>{confidence}</confidenceLevel>
<plateType>92TypeCivil</plateType>
<plateColor>blue</plateColor>
<licenseBright>0</licenseBright>
<plateCharBelieve>{believe}</plateCharBelieve>
<vehicleType>van</vehicleType>
<illegalInfo><illegalCode>0</illegalCode><illegalName>正常</illegalName></illegalInfo>
<vehicleInfo><index>563</index><color>gray</color></vehicleInfo>
<pictureInfoList>
<pictureInfo><fileName>licensePlatePicture.jpg</fileName><type>licensePlatePicture</type></pictureInfo>
<pictureInfo>
<fileName>detectionPicture.jpg</fileName>
<type>detectionPicture</type>
<plateRect><X>375</X><Y>645</Y><width>227</width><height>118</height></plateRect>
<vehicelRect><X>241</X><Y>86</Y><width>547</width><height>765</height></vehicelRect>
<PilotRect><x>0</x><y>0</y><width>0</width><height>0</height></PilotRect>
</pictureInfo>
</pictureInfoList>
</ANPR>
<UUID>{message_id}</UUID>
<picNum>2</picNum>
<isDataRetransmission>{is_resent}</isDataRetransmission>
<VehicleGATInfo>
<palteTypeByGAT>2</palteTypeByGAT><plateColorByGAT>2</plateColorByGAT><vehicleTypeByGAT>H20</vehicleTypeByGAT>
</VehicleGATInfo>
</EventNotificationAlert>
"""


def hikvision_xml(said: Said, *, colour: str = "蓝", namespace: str = "http://www.isapi.org/ver20/XMLSchema") -> str:
    return HIKVISION_XML.format(
        namespace=namespace,
        at=said.at.astimezone(BEIJING).isoformat(),
        serial=said.serial,
        text=(colour if said.text and said.text != "无车牌" else "") + said.text,
        confidence=97,
        believe=",".join("99" for _ in said.text),
        message_id=said.message_id,
        is_resent=str(said.is_resent).lower(),
    )


def multipart(parts: list[tuple[str, str, bytes]], boundary: str = BOUNDARY) -> bytes:
    """Return the body that a Hikvision camera posts: (name, content type, content) in order."""
    body = b""
    for name, content_type, content in parts:
        body += (
            f'--{boundary}\r\nContent-Disposition: form-data; name="{name}";filename="{name}"\r\n'
            f"Content-Type: {content_type}\r\nContent-Length: {len(content)}\r\n\r\n"
        ).encode()
        body += content + b"\r\n"
    return body + f"--{boundary}--\r\n".encode()


def hikvision(said: Said) -> Wire:
    parts = [
        ("anpr.xml", 'application/xml; charset="UTF-8"', hikvision_xml(said).encode()),
        ("licensePlatePicture.jpg", "image/jpeg", said.plate),
        ("detectionPicture.jpg", "image/pjpeg", said.scene),
    ]
    return Wire("", f"multipart/form-data; boundary={BOUNDARY}", multipart(parts))


def alarm_info_plate(said: Said) -> Wire:
    stamp = round(said.at.timestamp() * 1e6)
    result = {
        "bright": 0, "carBright": 0, "carColor": 0, "colorType": 1, "colorValue": 0, "confidence": 96, "direction": 1,
        "imagePath": "", "license": said.text, "timeUsed": 0, "triggerType": 2, "type": 1,
        "location": {"RECT": {"top": 904, "left": 556, "right": 1376, "bottom": 700}},
        "timeStamp": {"Timeval": {"sec": stamp // 1_000_000, "usec": stamp % 1_000_000}},
        "imageFile": base64.b64encode(said.scene).decode(),
        "imageFragmentFile": base64.b64encode(said.plate).decode(),
    }  # fmt: skip
    plate = {"channel": 0, "deviceName": "ParkingCam", "ipaddr": "10.20.7.12", "serialno": said.serial}
    return _json("", {"AlarmInfoPlate": {**plate, "result": {"PlateResult": result}}})


def dahua(said: Said) -> Wire:
    plate = {
        "PlateNumber": said.text, "PlateColor": "Blue", "PlateType": "", "Confidence": 97, "Channel": 1,
        "BoundingBox": [3000, 5000, 4000, 5400], "IsExist": True, "Region": "China", "UploadNum": 17,
    }  # fmt: skip
    picture = {
        "Plate": plate,
        "Vehicle": {"VehicleColor": "Gray", "VehicleType": "SaloonCar"},
        "SnapInfo": {
            "AccurateTime": f"{said.at.astimezone(BEIJING):%Y-%m-%d %H:%M:%S.%f}"[:-3],
            "TimeZone": 8, "Direction": "Obverse", "DeviceID": said.serial,
        },
        "NormalPic": {"PicName": f"{said.message_id}.jpg", "Content": base64.b64encode(said.scene).decode()},
        "CutoutPic": {"PicName": "cut.jpg", "Content": base64.b64encode(said.plate).decode()},
    }  # fmt: skip
    return _json("NotificationInfo/TollgateInfo", {"Picture": picture})


def axis(said: Said) -> Wire:
    return _json(
        "",
        {
            "packetCounter": "67781", "capture_timestamp": f"{round(said.at.timestamp() * 1000)}",
            "plateText": said.text, "plateUTF8": said.text, "plateCountry": "CHN", "plateConfidence": "0.927815",
            "carState": "lost", "carID": said.message_id[:8], "carMoveDirection": "in",
            "plateCoordinates": [420, 180, 356, 66], "plateImageSize": "0",
            "plateCoordinatesRelative": [0.4, 0.6, 0.1, 0.05],
            "camera_info": {"SerialNumber": said.serial},
            "ImageArray": [
                {"ImageType": "plate", "BinaryImage": base64.b64encode(said.plate).decode()},
                {"ImageType": "vehicle", "BinaryImage": base64.b64encode(said.scene).decode()},
            ],
        },
    )  # fmt: skip


def gat1400(said: Said) -> Wire:
    return _json(
        "VIID/MotorVehicles",
        {"MotorVehicleListObject": {"MotorVehicleObject": [gat_vehicle(said)]}},
        "application/VIID+JSON;charset=UTF-8",
    )


def gat_vehicle(said: Said) -> dict[str, object]:
    images = [
        {"ImageID": "1", "EventSort": 4, "Type": kind, "FileFormat": "Jpeg", "Data": base64.b64encode(data).decode()}
        for kind, data in (("02", said.plate), ("14", said.scene))
    ]
    return {
        "MotorVehicleID": said.message_id, "InfoKind": 1, "SourceID": "1", "TollgateID": "37021100001210000001",
        "DeviceID": said.serial, "StorageUrl1": "http://localhost:9080/a.jpg", "LaneNo": 1, "HasPlate": "1",
        "PlateClass": "02", "PlateColor": "5", "PlateNo": said.text, "Speed": 8, "Direction": "0",
        "VehicleClass": "K33", "VehicleColor": "1", "PlateReliability": "1",
        "PassTime": f"{said.at.astimezone(BEIJING):%Y%m%d%H%M%S}",
        "PlateCharReliability": ",".join(f"{character}-90" for character in said.text),
        "SubImageList": {"SubImageInfoObject": images},
    }  # fmt: skip


def json_mapping(said: Said) -> Wire:
    return _json(
        "",
        {
            "text": said.text, "message_id": said.message_id, "captured_at": said.at.isoformat(), "score": 0.97,
            "style": "蓝色", "serial": said.serial, "plate_picture": base64.b64encode(said.plate).decode(),
            "scene_picture": base64.b64encode(said.scene).decode(),
        },
    )  # fmt: skip


def _json(path: str, document: object, content_type: str = "application/json") -> Wire:
    return Wire(path, content_type, json.dumps(document, ensure_ascii=False).encode())


SAMPLES: dict[str, Callable[[Said], Wire]] = {
    "alarm_info_plate": alarm_info_plate,
    "axis": axis,
    "dahua": dahua,
    "gat1400": gat1400,
    "hikvision": hikvision,
    "json_mapping": json_mapping,
}


def onvif_crossing(said: Said) -> Wire:
    """What a camera's Notify looks like: SOAP 1.2, the topic's prefix bound, the values as attributes."""
    at = f"{said.at.astimezone(UTC):%Y-%m-%dT%H:%M:%S}Z"
    body = f"""<?xml version="1.0" encoding="UTF-8"?>
<SOAP-ENV:Envelope xmlns:SOAP-ENV="http://www.w3.org/2003/05/soap-envelope"
 xmlns:wsnt="http://docs.oasis-open.org/wsn/b-2" xmlns:tt="http://www.onvif.org/ver10/schema"
 xmlns:tns1="http://www.onvif.org/ver10/topics">
<SOAP-ENV:Body><wsnt:Notify><wsnt:NotificationMessage>
<wsnt:Topic Dialect="http://www.onvif.org/ver10/tev/topicExpression/ConcreteSet">tns1:RuleEngine/LineDetector/Crossed</wsnt:Topic>
<wsnt:Message><tt:Message UtcTime="{at}" PropertyOperation="Changed">
<tt:Source><tt:SimpleItem Name="VideoSourceConfigurationToken" Value="00000"/>
<tt:SimpleItem Name="Rule" Value="door"/></tt:Source>
<tt:Data><tt:SimpleItem Name="ObjectId" Value="17"/></tt:Data>
</tt:Message></wsnt:Message></wsnt:NotificationMessage></wsnt:Notify></SOAP-ENV:Body></SOAP-ENV:Envelope>"""
    return Wire("", "application/soap+xml; charset=utf-8", body.encode())


def frigate_crossing(said: Said) -> Wire:
    began = said.at.timestamp()
    event = {
        "id": f"{began:.6f}-ab12cd", "camera": said.serial, "frame_time": began + 0.4, "start_time": began,
        "end_time": None, "label": "person", "sub_label": None, "top_score": 0.83, "score": 0.8,
        "false_positive": False, "box": [412, 120, 530, 460], "current_zones": [], "entered_zones": [],
        "has_clip": True, "has_snapshot": True, "stationary": False,
    }  # fmt: skip
    after = {**event, "current_zones": ["door"], "entered_zones": ["door"]}
    return _json("", {"type": "update", "before": event, "after": after})


DOOR_SAMPLES: dict[str, Callable[[Said], Wire]] = {"frigate": frigate_crossing, "onvif": onvif_crossing}
"""Of makers that say nothing but crossings."""
