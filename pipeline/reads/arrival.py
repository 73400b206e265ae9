"""A read as it lies in the journal: what was said, by which device, when it came and when its vehicle passed."""

import struct
from dataclasses import dataclass
from datetime import datetime
from hashlib import blake2b
from typing import Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, ValidationError

from pipeline.reads.camera_read import CameraRead, SentRead
from pipeline.reads.cipher import SealError

LENGTHS = struct.Struct("<II")
LONG_ID = 16
TELLING_CHARACTERS = 5
"""An id of so many characters, so many of them different, is unique; "1" and rows of noughts are fillers."""


class Header(BaseModel):
    """All but the pictures."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    device_id: str
    arrived_at: AwareDatetime
    passed_at: AwareDatetime
    is_late: bool
    is_test: bool = False
    read: CameraRead


@dataclass(frozen=True, slots=True)
class Arrival:
    """One read of one device."""

    device_id: str
    arrived_at: datetime
    """Aware UTC, box time."""
    passed_at: datetime
    """When the vehicle passed, as far as the device's clock can be believed; aware UTC, box time."""
    is_late: bool
    """It was sent after an outage: the vehicle has long gone, and nobody is to be alarmed as if it stood there."""
    sent: SentRead
    is_test: bool = False
    """Sent by `kakou reads test`: flagged whatever the list holds, and nobody is sent out for it."""

    def key(self) -> bytes:
        """Return what is the same when the same read is sent again.

        It does not tell the plate: of a text only 8 bits go in, to tell two vehicles of one moment apart.
        """
        read = self.sent.read
        moment = str(round(read.captured_at.timestamp() * 1000)) if read.captured_at else ""
        if read.message_id and is_telling(read.message_id):
            parts = ["id", read.message_id]
        elif read.message_id:
            parts = ["id and time", read.message_id, moment]
        else:
            mark = blake2b(read.raw_text.encode(), digest_size=1).hexdigest()
            parts = ["time", moment or str(round(self.arrived_at.timestamp() * 1000)), read.lane or "", mark]
        return blake2b("\0".join([self.device_id, *parts]).encode(), digest_size=16).digest()

    def to_parts(self) -> tuple[bytes, bytes]:
        """Return what was said, and the pictures."""
        header = Header(
            device_id=self.device_id,
            arrived_at=self.arrived_at,
            passed_at=self.passed_at,
            is_late=self.is_late,
            is_test=self.is_test,
            read=self.sent.read,
        )
        said = header.model_dump_json().encode()
        plate, scene = self.sent.plate_picture, self.sent.scene_picture
        return LENGTHS.pack(len(said), len(plate)) + said, plate + scene if plate else scene

    @classmethod
    def from_bytes(cls, content: bytes) -> Self:
        """Return a read from its parts, one behind the other, or from the first alone. Raises SealError."""
        try:
            said_length, plate_length = LENGTHS.unpack_from(content)
            begin = LENGTHS.size + said_length
            header = Header.model_validate_json(content[LENGTHS.size : begin])
        except (struct.error, ValidationError) as error:
            raise SealError("日志里有一条过车看不懂：各部件应为同一版本") from error
        plate, scene = content[begin : begin + plate_length], content[begin + plate_length :]
        sent = SentRead(header.read, plate, scene)
        return cls(header.device_id, header.arrived_at, header.passed_at, header.is_late, sent, header.is_test)


def is_telling(message_id: str) -> bool:
    return len(message_id) >= LONG_ID and len(set(message_id)) >= TELLING_CHARACTERS
