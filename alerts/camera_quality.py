"""What is wrong with a camera's picture, as boxes say it and screens show it."""

from typing import Literal, TypeAlias

CameraQuality: TypeAlias = Literal[
    "good", "undecodable", "no_signal", "black", "frozen", "covered", "out_of_focus", "turned", "poor_reads"
]

QUALITY_WORDS: dict[CameraQuality, str] = {
    "good": "画面正常",
    "undecodable": "画面无法解码",
    "no_signal": "无视频信号",
    "black": "画面全黑",
    "frozen": "画面静止",
    "covered": "镜头遮挡",
    "out_of_focus": "画面失焦",
    "turned": "画面旋转",
    "poor_reads": "多数号牌看不清",
}
