"""What a camera says of one vehicle, whoever made the camera."""

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

UNKNOWN = "-"
"""Stands in `CameraRead.text` for a character that the camera could not read (GA/T 1400)."""

Share = Annotated[float, Field(ge=0.0, le=1.0)]
Short = Annotated[str, Field(max_length=200)]


class CameraRead(BaseModel):
    """One message about one vehicle, without its pictures. What the camera did not say is None, never a guess."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    text: Annotated[str, Field(max_length=16)]
    """Plate in its one spelling, UNKNOWN for each unreadable character; "" where the camera saw no plate."""
    raw_text: Short
    """The same as it was sent."""
    message_id: Short | None = None
    """The maker's own id of the message: the same when it is sent again."""
    char_scores: tuple[Share, ...] = ()
    """What the camera believes of each character, in order: scores, not probabilities; empty when not sent."""
    score: Share | None = None
    """What it believes of the whole plate."""
    style: Short | None = None
    """Colour and layout, one of `ocr.grammar.STYLES`."""
    plate_class: Annotated[str, Field(max_length=8)] | None = None
    """Code of GA/T 16.7, where the camera sends one."""
    captured_at: AwareDatetime | None = None
    """By the camera's clock, which may be years off."""
    lane: Short | None = None
    direction: Short | None = None
    vehicle_type: Short | None = None
    serial: Short | None = None
    """Which device the message itself says it comes from."""
    passage_id: Short | None = None
    """The camera's own number of the vehicle: messages that share it are one passage."""
    stage: Literal["whole", "new", "update", "lost"] = "whole"
    """Of a passage that is told in several messages: which part; the last one counts most."""
    is_resent: bool = False
    """The camera says that it could not send it earlier."""
    plate_box: tuple[Share, Share, Share, Share] | None = None
    """The plate in the scene, as shares of width and height: x1, y1, x2, y2."""


@dataclass(frozen=True, slots=True)
class SentRead:
    """A read and the pictures that came with it, as they came: JPEG, or whatever the camera calls so."""

    read: CameraRead
    plate_picture: bytes = b""
    """The plate alone; empty when none came."""
    scene_picture: bytes = b""
    """The vehicle or the whole scene; empty when none came."""
