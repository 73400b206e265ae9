"""ONVIF: the event XML of a camera (WS-BaseNotification `Notify`), as a camera or a recorder posts it.

Only what a guard camera says is taken: somebody crossed a line or entered a field. Who subscribes (with this address as
ConsumerReference) is the camera's page or the recorder; kakou opens no pull-point.
"""

from pipeline.reads.adapter import Message, Reply, SentCrossing, Understood, UnreadableMessageError
from pipeline.reads.texts import moment_of, short
from pipeline.reads.xml_tree import Element, parse_xml

CROSSINGS = ("LineDetector/Crossed", "FieldDetector/ObjectsInside", "MyRuleDetector/PeopleDetect")
"""Ends of topics; the last one is what cameras with a person detector of their own say."""
ENDED = ("false", "0")
TAKEN = Reply(content_type="application/soap+xml")


class Onvif:
    title = "ONVIF 事件（看护相机）"

    def understand(self, message: Message) -> Understood:
        root = parse_xml(message.body)
        told = list(root.all("NotificationMessage"))
        if not told and root.name != "Envelope":
            raise UnreadableMessageError("ONVIF 报文里没有 NotificationMessage")
        return Understood(reply=TAKEN, crossings=tuple(_crossing(one, message) for one in told if _is_crossing(one)))


def _is_crossing(told: Element) -> bool:
    topic = told.said("Topic") or ""
    said = next(told.all("Data"), None)
    values = [item.attributes.get("Value", "").lower() for item in (said.children if said else [])]
    return topic.endswith(CROSSINGS) and not any(value in ENDED for value in values)


def _crossing(told: Element, message: Message) -> SentCrossing:
    inner = next((one for one in told.all("Message") if "UtcTime" in one.attributes), None)
    moment = moment_of(inner.attributes["UtcTime"], message.utc_offset) if inner else None
    source = next(told.all("Source"), None)
    where = "/".join(item.attributes.get("Value", "") for item in (source.children if source else []))
    name = short(f"{told.said('Topic')}#{where}#{moment.timestamp()}") if moment else None
    return SentCrossing(name, moment)


ADAPTER = Onvif()
