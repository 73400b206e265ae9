"""What can be said of a camera's sub-stream (子码流), which is watched in the main one's place while nothing moves."""

from types import MappingProxyType
from typing import Literal, TypeAlias

SubStreamState: TypeAlias = Literal["there", "lost", "frozen", "other_scene", "misses", "crashes"]
"""All but "there": the main stream is decoded, as if there were no other."""

SUB_STREAM_WORDS = MappingProxyType[SubStreamState, str](
    {
        "there": "子码流正常",
        "lost": "子码流没有画面",
        "frozen": "子码流画面静止",
        "other_scene": "子码流与主码流画面不同",
        "misses": "子码流漏掉了主码流里的移动",
        "crashes": "打开子码流时解码进程崩溃，暂不打开，过后再试",
    }
)
