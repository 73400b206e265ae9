"""布控 of GA/T 1400: which vehicles a higher platform wants watched, as far as a proposal to the data steward goes.

Names, phones and pictures of people are left where they are: of a person nothing is taken.
"""

import re
import unicodedata
from datetime import timedelta
from urllib.parse import parse_qsl

from ocr.grammar import PROVINCES, normalise_plate, plate_class_of
from pipeline.reads.adapter import SentProposal
from pipeline.reads.json_tree import at, objects_at
from pipeline.reads.plate_text import colour_beside, plate_text
from pipeline.reads.texts import moment_of, short

LIFTED = "1"
"""OperateType 0 asks for watching and 1 lifts it; so does DispositionStatus."""
IN_WORDS = re.compile(rf"[{''.join(PROVINCES)}][A-Z][ ·•・.\-]?[A-Z0-9]{{4,6}}[挂学警港澳领]?(?![A-Z0-9])")
SOMEBODYS = re.compile(r"[0-9０-９][0-9０-９ \-]{5,}[0-9０-９xXｘＸ]")
"""Seven figures and more: phones, identity numbers."""
MOST_PLATES = 5
"""Of one 布控."""


def dispositions_in(document: dict[str, object]) -> list[dict[str, object]]:
    """Return the 布控 of a document, and its alarms: they, too, say which vehicle somebody wants."""
    found = objects_at(document, "DispositionListObject", "DispositionObject")
    found += objects_at(document, "DispositionNotificationListObject", "DispositionNotificationObject")
    return found or objects_at(document, "DispositionObject")


def dispositions_deleted(resource: str, query: str) -> list[dict[str, object]]:
    """Return the 布控 that `DELETE /VIID/Dispositions?IDList=a,b`, or /VIID/Dispositions/a, lifts."""
    lists = [given for name, given in parse_qsl(query) if name.lower() == "idlist"] + [resource.partition("/")[2]]
    numbers = dict.fromkeys(number.strip() for each in lists for number in each.split(","))
    return [{"DispositionID": number, "OperateType": LIFTED} for number in numbers if number]


def proposals_of(asked: dict[str, object], utc_offset: timedelta) -> list[SentProposal]:
    """Return what one 布控 says of vehicles; nothing where it is about a person, or names no whole plate."""
    reference = _said(asked, "DispositionID")[:100]
    is_lift = LIFTED in (_said(asked, "OperateType"), _said(asked, "DispositionStatus"))
    vehicle = next(iter(objects_at(asked, "MotorVehicleObject")), asked)
    plates = plates_in(_said(asked, "TargetFeature") or _said(vehicle, "PlateNo"))
    if vehicle is not asked:  # an alarm: another word than the 布控 itself
        reference = f"告警 {reference}"[:100]
    if not plates and is_lift and reference:
        plates = [("", "")]
    begins_at, until = (moment_of(at(asked, name), utc_offset) for name in ("BeginTime", "EndTime"))
    told = [_said(asked, name) for name in ("Title", "DispositionRemoveReason" if is_lift else "Reason")]
    reason = without_numbers("；".join(dict.fromkeys(filter(None, told))), plates)
    office = without_numbers(_said(asked, "DispositionRemoveOrg" if is_lift else "ApplicantOrg")[:100], [])
    return [SentProposal(reference, is_lift, text, code, reason, office, begins_at, until) for text, code in plates]


def plates_in(feature: str) -> list[tuple[str, str]]:
    """Return the whole plates that a feature names, each with its class, "" where nothing says it."""
    alone = _whole(feature)
    if alone is not None:
        style = colour_beside(feature)
        code = plate_class_of(alone, style) if style else ""
        return [(alone, "" if code == "99" else code)]
    words = unicodedata.normalize("NFKC", feature).upper()
    found = dict.fromkeys(plate for said in IN_WORDS.findall(words) if (plate := _whole(said)) is not None)
    return [(plate, "") for plate in found][:MOST_PLATES]


def without_numbers(words: str, plates: list[tuple[str, str]]) -> str:
    """Return a text without what could be somebody's number, and without the plates, which stand in their own field."""
    for plate, _ in plates:
        words = words.replace(plate, "…") if plate else words
    return SOMEBODYS.sub("…", words)


def _said(asked: dict[str, object], name: str) -> str:
    """Return a field as people see it: no controls, no halves of characters, nothing that turns the text around."""
    return "".join(c for c in short(at(asked, name)) or "" if unicodedata.category(c)[0] != "C").strip()


def _whole(raw: str) -> str | None:
    try:
        return normalise_plate(plate_text(raw))
    except ValueError:
        return None
