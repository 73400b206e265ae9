"""What `kakou doctor` says of the cameras that `kakou run` screens, or screened last."""

from collections.abc import Iterator

from alerts.camera_quality import QUALITY_WORDS
from kakou.box.counts import counts_from_json, counts_path
from kakou.box.processes import sources_by_group
from kakou.doctor.finding import Finding
from kakou.settings import Settings
from pipeline.types import ScreeningCounts
from riskdb.own_file import read_own_text
from riskdb.system_words import system_words

CLOCK_MARGIN = 0.005
"""Around the clock that was found, as a share of the picture."""


def examine_cameras(settings: Settings) -> Iterator[Finding]:
    """Yield a finding for each camera whose process has written what it counted."""
    for group, sources in sources_by_group(settings).items():
        try:
            counts = counts_from_json(read_own_text(counts_path(settings.state_dir, group)))
        except FileNotFoundError:
            continue
        except (OSError, ValueError, TypeError, AttributeError) as error:
            yield Finding(f"摄像机 {group}", "bad", f"计数文件读不出来：{system_words(error)}", "查看 kakou run 的日志")
            continue
        for source in sources:
            if source.is_live and (one := counts.get(source.camera_id)) is not None:
                yield _finding(source.camera_id, one, has_mask=bool(source.mask))


def _finding(camera_id: str, counts: ScreeningCounts, *, has_mask: bool) -> Finding:
    says = [QUALITY_WORDS[counts.camera_quality]]
    if counts.damage:
        says.append(f"连接：{counts.damage}")
    if counts.clock_box is not None and not has_mask:
        says.append(f"画面内有走动的时钟，已不再误触发；如需在照片上遮去：mask = {mask_of(counts.clock_box)}")
    is_good = counts.camera_quality == "good" and not counts.damage
    to_do = "" if is_good else "到现场查看镜头和网线"
    return Finding(f"运行中 {camera_id}", "ok" if is_good else "bad", "；".join(says), to_do)


def mask_of(box: tuple[float, float, float, float]) -> str:
    """Return the `mask` that covers a box, as it stands in kakou.toml."""
    left, top = (max(0.0, each - CLOCK_MARGIN) for each in box[:2])
    right, bottom = (min(1.0, each + CLOCK_MARGIN) for each in box[2:])
    corners = ((left, top), (right, top), (right, bottom), (left, bottom))
    return f"[[{', '.join(f'[{x:.3f}, {y:.3f}]' for x, y in corners)}]]"
