"""Settings of the pipeline: `[pipeline]` and each `[[source]]` of `kakou.toml`."""

import re
from pathlib import Path
from urllib.parse import urlsplit

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationInfo, field_validator, model_validator

from pipeline.lane_lines import Line, line_fault
from pipeline.video.masks import Polygon, Regions, polygon_fault


class GateSettings(BaseModel):
    """When a frame is worth the detector."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    enabled: bool = True
    """False looks at every frame that `looks_per_s` allows."""
    looks_per_s: float = Field(default=12.5, gt=0, le=120)
    """At most this many frames a second are looked at: every second frame of a 25 fps camera."""
    skip_still_groups: bool = True
    """Of a live H.264 or HEVC stream, while nothing moves: of each group of pictures (2.2 s at most) only the first is
    decoded, and the others as soon as a packet is larger than usual or the next group's first picture shows movement;
    only where packets' sizes have told of one movement after another. Where they do not, it is decoded without the loop
    filter until something moves. False decodes every picture as it is."""
    min_change: float = Field(default=12.0, gt=0)
    """Grey levels (of 255) that a 16-pixel cell must differ from the background; sensor noise stays below."""
    min_changed_cells: int = Field(default=3, gt=0)
    """A plate of 60 pixels covers four cells; fewer than three are insects and noise."""
    hold_s: float = Field(default=0.6, ge=0)
    """Frames are still looked at for this long after the last change."""
    idle_look_s: float = Field(default=2.0, gt=0)
    """One frame is looked at this often although nothing moves: parked vehicles stay in view."""
    close_mpx: float = Field(default=0.6, ge=0)
    """Million pixels of a frame that are searched at two thirds of their size for far plates, where something moves, in
    turn, five times a second at most and not around plates that were read: about 9 ms of one core each. While nothing
    moves the whole frame is, after `idle_look_s`, after twice as long, and so on, every 10 s at last. 0 never does."""


class TrackSettings(BaseModel):
    """When two reads are of one vehicle, and when a track is a passage."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    max_gap_s: float = Field(default=1.0, gt=0)
    """A vehicle unseen for this long (while frames were looked at) has gone."""
    parked_gap_s: float = Field(default=60.0, gt=0)
    """A vehicle that stood still may be hidden behind others for this long."""
    settled_probability: float = Field(default=0.95, gt=0, le=1)
    """A track is decided before its end once its best text is this probable..."""
    settled_looks: int = Field(default=3, gt=0)
    """...and it was read this often, or twice 0.3 s apart. A listed vehicle that is surely a hit is told of before:
    after five looks over 0.4 s, once the best text is at 0.9."""
    calm_look_s: float = Field(default=0.15, ge=0)
    """While every vehicle in view is settled, or there is none, looks are at least this far apart."""
    min_looks: int = Field(default=2, gt=0)
    """A track of fewer looks is a passage only when a look was this confident:"""
    sure_confidence: float = Field(default=0.5, ge=0, le=1)
    """Confidence of one look that makes a passage on its own."""
    min_probability: float = Field(default=0.3, ge=0, le=1)
    """A track whose best text is less probable was not readable: it is matched all the same, but when it is not
    listed it counts as unread, and as unchecked when the list could not be asked. Half plates at the picture's edge
    reach 0.2, foreign plates 0.15."""
    max_effective_looks: float = Field(default=2.0, ge=1)
    """Errors of neighbouring frames are alike: however many looks, they count as no more than this. Measured on 257
    simulated approaches (real photos, ten looks each): 2 has the best log-loss, and 95 % of what it says holds."""


class PipelineSettings(BaseModel):
    """The walk from frame to event."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    gate: GateSettings = GateSettings()
    track: TrackSettings = TrackSettings()
    stall_timeout_s: float = Field(default=10.0, gt=0)
    """A decoder that delivers nothing for this long is killed."""
    reopen_min_s: float = Field(default=1.0, gt=0)
    """First wait before a live source is opened again; it doubles each time up to the next setting."""
    reopen_max_s: float = Field(default=5.0, gt=0)
    """Longest wait between two tries to open a live source: a camera that is back is seen within 10 s."""
    quality_hold_s: float = Field(default=60.0, gt=0)
    """A live picture that is black, frozen, covered or out of focus for this long is told as a fault of its camera; so
    is one that gave no plate for this long where its picture, turned by 90°, gives some. A part that is covered is told
    after five times as long."""
    hypothesis_count: int = Field(default=32, gt=0, le=64)
    """Texts that are looked up for each passage."""
    spool_hours: float = Field(default=24.0, gt=0, le=24)
    """Unchecked passages older than this are deleted unread."""
    spool_max_mb: int = Field(default=1024, gt=0)
    """The spool never grows beyond this: it gives up pictures, oldest first, then the passages that wait longest."""
    spool_reserve_mib: int = Field(default=32, ge=0, le=1024)
    """Disk space set aside for unchecked passages alone, without pictures: at least 2,700 of them when the disk is
    full (12 KiB each)."""
    recheck_every_s: float = Field(default=5.0, gt=0)
    """How often unchecked passages are tried again."""


URL_SCHEMES = ("rtsp", "rtsps", "http", "https", "rtp", "udp", "tcp")


_NEARLY_ADDRESS = re.compile(r"\s*[a-z]{3,}\s*(?:：|:(?!//))[/／\\]", re.IGNORECASE)
"""An address whose colon or slashes are another keyboard's; a drive of Windows has one letter."""


class SourceSettings(BaseModel):
    """A camera, or footage in its place."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    camera_id: str = Field(min_length=1, pattern=r"^[\w.-]+$")
    """Names the camera in events, counters and Redis keys; unique among all boxes of one centre."""
    checkpoint: str = Field(min_length=1)
    """Name of the checkpoint, as people know it."""
    uri: str = Field(min_length=1)
    """A video file, a folder of images, a webcam's number such as "0", or a URL (rtsp://, http://, https://)."""
    sub_uri: str | None = None
    """Address of the camera's sub-stream (子码流), the same scene in few pixels: while nothing moves in it, the main
    stream's pictures wait undecoded. 海康威视: rtsp://…/Streaming/Channels/102; 大华:
    rtsp://…/cam/realmonitor?channel=1&subtype=1. Where it fails, freezes or shows another scene, and without one, the
    main stream itself is watched."""
    start: AwareDatetime | None = None
    """Capture time of a file's first frame; None takes it from the file's name, its container or its own time."""
    fps: float = Field(default=1.0, gt=0)
    """Pictures a second of a folder of images."""
    mask: tuple[Polygon, ...] = ()
    """Parts of the picture that are neither looked at nor kept, such as an on-screen clock or a neighbour's yard:
    polygons of three or more [x, y], as shares of width and height from the upper left, such as
    [[[0, 0], [0.4, 0], [0.4, 0.08], [0, 0.08]]]."""
    roi: tuple[Polygon, ...] = ()
    """Where plates are looked for, in the same form; none is the whole picture."""
    tls_verify: bool = True
    """Of https:// and rtsps://: the camera's certificate must be valid, of a known authority, and for the host that the
    address names. False takes any certificate, so that anybody on the line can put other pictures in the place of
    these."""
    ca_file: Path | None = None
    """The authority of the camera's certificate, or that certificate itself, as PEM; None is what this machine
    trusts."""
    lane_lines: tuple[Line, ...] = ()
    """Lines between the lanes, two [x, y] each (shares as above), such as [[[0.4, 0.3], [0.2, 1]]]: lanes are then
    counted from the picture's left, and flagged events name theirs."""
    group: str | None = None
    """Sources of one group share a process and its readers, one a core. Without one, eight cameras share a process; a
    file or folder has its own."""

    @field_validator("uri", "sub_uri")
    @classmethod
    def _is_an_address(cls, uri: str | None, info: ValidationInfo) -> str | None:
        if uri is not None and _NEARLY_ADDRESS.match(uri):
            raise ValueError(
                "像是网址，但冒号或斜线写错了（全角、少了一个或写成 \\）：应如 rtsp://主机/路径"
                f" ({info.field_name}: :// is written otherwise)"
            )
        if uri is None or (info.field_name == "uri" and "://" not in uri):
            return uri
        scheme, _, rest = uri.partition("://")
        if scheme not in URL_SCHEMES:
            raise ValueError(
                f"摄像机地址不能以 {scheme}:// 开头：用 {'、'.join(URL_SCHEMES)}"
                f" ({info.field_name}: no address of a camera begins so)"
            )
        # A password may hold what ends an address elsewhere: the last @ before the path is the one that counts.
        place = rest.split("/", 1)[0].rpartition("@")[2]
        try:
            is_whole = bool(urlsplit(f"//{place}").hostname)
            _ = urlsplit(f"//{place}").port
        except ValueError:
            is_whole = False
        if not is_whole:
            raise ValueError(
                f"{scheme}:// 后面要有主机；端口若写，应在 1 到 65535 之间；密码里的 @ : / # 要写成 %40 %3A %2F %23"
                f" ({info.field_name}: needs a host and a port that can be)"
            )
        return uri

    @model_validator(mode="after")
    def _has_a_stream_beside_another(self) -> "SourceSettings":
        if self.sub_uri is not None and ("://" not in self.uri or self.sub_uri == self.uri):
            raise ValueError(
                f"{self.camera_id}: sub_uri: 应为同一摄像机的另一路码流（子码流），uri 为它的主码流地址"
                " (another stream of the camera that uri names)"
            )
        return self

    @model_validator(mode="after")
    def _has_polygons(self) -> "SourceSettings":
        for key, polygons in (("mask", self.mask), ("roi", self.roi)):
            for polygon in polygons:
                if (fault := polygon_fault(polygon)) is not None:
                    raise ValueError(f"{self.camera_id}: {key}: {fault}")
        for line in self.lane_lines:
            if (fault := line_fault(line)) is not None:
                raise ValueError(f"{self.camera_id}: lane_lines: {fault}")
        return self

    @property
    def regions(self) -> Regions:
        return Regions(mask=self.mask, roi=self.roi)

    @property
    def is_live(self) -> bool:
        return self.uri.isdecimal() or "://" in self.uri

    @property
    def path(self) -> Path:
        return Path(self.uri)
