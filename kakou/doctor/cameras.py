"""Every camera of the settings, opened once."""

import subprocess
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

from pydantic import ValidationError

from alerts.camera_quality import QUALITY_WORDS
from kakou.doctor.camera_probe import CameraSeen, SubStreamSeen
from kakou.doctor.fault_words import CAMERA, in_words
from kakou.doctor.finding import Finding, Told
from kakou.settings import Settings
from pipeline.settings import SourceSettings
from pipeline.video.camera_state import without_credentials

PATIENCE_S = 40.0
AT_ONCE = 2
MIN_PLATE_PX = 16.0
"""Below this height characters are guessed (measured on the fixture clips)."""


def camera_findings(settings: Settings) -> Iterator[Finding]:
    """Yield one finding a source, a few at once."""
    yield _certificates(settings)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        yield from pool.map(camera_finding, settings.sources)


def _certificates(settings: Settings) -> Finding:
    name = "摄像机证书 camera certificates"
    taken = [source.camera_id for source in settings.sources if not source.tls_verify]
    if taken:
        says = f"不核对证书（tls_verify = false）：{'、'.join(taken)}；画面可被冒充"
        return Finding(name, "warn", says, "给摄像机换上可核对的证书，或用 ca_file")
    return Finding(name, "ok", "https、rtsps 均核对证书")


def camera_finding(source: SourceSettings) -> Finding:
    name = f"{'摄像机' if source.is_live else '素材'} {source.camera_id}"
    if not source.is_live and source.path.is_dir():
        return Finding(name, "ok", "图片文件夹")
    seen = probe(source, [sys.executable, "-m", "kakou.doctor.camera_probe"])
    if seen.fault:
        words = in_words(without_credentials(seen.fault), CAMERA, "核对 uri、账号密码、网线和供电；可用 ffprobe 试连")
        return Finding(name, "bad", words.says, words.to_do)
    says = (
        f"{seen.codec} {seen.width}×{seen.height}，{seen.fps:g} 帧/秒{'，隔行' if seen.is_interlaced else ''}，"
        f"首帧 {seen.first_picture_s:g} 秒"
    )
    return Finding(name, *_with_sub_stream(seen.sub_stream, _judged(seen, says)))


def _with_sub_stream(seen: SubStreamSeen | None, main: Told) -> Told:
    """Add what is known of the sub-stream; without it the camera is screened all the same."""
    verdict, says, to_do = main
    if seen is None:
        return main
    if seen.fault:
        words = in_words(without_credentials(seen.fault), CAMERA, "核对 uri")
        fault, remedy = f"子码流不能用：{words.says}", words.to_do.replace("uri", "sub_uri")
    elif not seen.is_same_scene:
        fault, remedy = "子码流与主码流画面不同", "核对 sub_uri；在摄像机中让子码流显示同一画面，不裁剪"
    else:
        found = f"子码流 {seen.codec} {seen.width}×{seen.height}，{seen.fps:g} 帧/秒"
        return verdict, f"{says}；{found}，解码约占一核的 {seen.core_share:.0%}", to_do
    return ("warn" if verdict == "ok" else verdict), f"{says}；{fault}（改为全部解码主码流）", to_do or remedy


def _judged(seen: CameraSeen, says: str) -> Told:
    if seen.quality != "good":
        return "bad", f"{says}；{QUALITY_WORDS[seen.quality]}", "到现场查看镜头"
    if not seen.plate_heights_px:
        return "ok", f"{says}；此刻画面中没有车牌", ""
    tallest = max(seen.plate_heights_px)
    says = f"{says}；车牌高 {tallest:.0f} 像素"
    if tallest < MIN_PLATE_PX:
        return "warn", says, f"车牌太小：拉近镜头或提高分辨率，至少 {MIN_PLATE_PX:.0f} 像素高"
    return "ok", says, ""


def probe(source: SourceSettings, command: Sequence[str]) -> CameraSeen:
    """Return what a child process saw; one that hangs is killed."""
    try:
        done = subprocess.run(
            command, input=source.model_dump_json().encode(), capture_output=True, timeout=PATIENCE_S, check=False
        )
        return CameraSeen.model_validate_json(done.stdout)
    except subprocess.TimeoutExpired:
        return CameraSeen(fault=f"{PATIENCE_S:.0f} 秒内没有画面")
    except ValidationError:
        return CameraSeen(fault="解码进程异常结束")
