"""`kakou demo`: the whole of it at once, on the embedded default and the fixture clips."""

import os
import shutil
import socket
import subprocess
import sys
import threading
import time
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer

from alerts.stream import FlaggedStream, connect
from kakou.box.booth import address_of, open_devices
from kakou.box.processes import children_of, new_order
from kakou.box.run import run_box
from kakou.box.supervisor import Supervisor
from kakou.commands.demo_cameras import clip_cameras
from kakou.commands.run_output import print_summary
from kakou.exit_codes import ExitCode
from kakou.process import stop_on_signals
from kakou.settings import Settings, SettingsError, load_settings
from kakou.terminal import stderr
from kakou.wiring.redis import open_redis
from pipeline.types import ScreeningCounts

REPOSITORY = Path(__file__).parents[2]
CLIPS = REPOSITORY / "fixtures" / "videos"
CLIP_GAP_S = 60
DEMO_LIMITS = "[risk]\ntimeout_s = 1.0\n[pipeline]\nspool_reserve_mib = 1\n"
"""Clips are screened as fast as the machine can, which no camera asks of it: the list may be a moment late. And what a
demo leaves behind is small."""
SAMPLE_MICRO_GRIDS = ("9999010010010101", "9999010020010101", "9999010030010101", "9999010040010101")
"""Codes of console/samples/grids.geojson after CJ/T 349."""

app = typer.Typer(add_completion=False, rich_markup_mode="markdown")


@app.command()
def demo(
    serve: Annotated[
        bool, typer.Option("--serve", help="Play the clips on as cameras and open the command screen, until Ctrl-C.")
    ] = False,
    folder: Annotated[Path, typer.Option(help="Where the demo keeps its state; emptied first.")] = Path("var/demo"),
) -> None:
    """Start a real Redis, import a sample risk list, screen every fixture clip and print each passage.

    Plates in the clips and the list are invented. Examples:

    - `kakou demo`
    - `kakou demo --serve`
    """
    stop = stop_on_signals()
    started = time.monotonic()
    config = _prepare(folder)
    settings = load_settings(config).model_copy(update={"redis_url": None})
    with open_redis(settings) as url:
        _say(f"Redis 已启动 {url}")
        _import_sample_list(config, folder)
        counts = run_box(settings, stop, as_json=False, show_clear_plates=True).counts
        print_summary(settings, counts)
        _conclude(settings, url, counts, time.monotonic() - started)
        if serve and not stop.is_set():
            _serve(settings, url, stop)
    if stop.is_set():
        raise typer.Exit(ExitCode.OK)


def _serve(settings: Settings, url: str, stop: threading.Event) -> None:
    """Serve the console, while the clips go on passing as cameras do, until `stop` is set."""
    with clip_cameras([source.path for source in settings.sources]) as addresses:
        cameras = [
            source.model_copy(update={"uri": addresses[source.path], "start": None}) for source in settings.sources
        ]
        booth = settings.booth.model_copy(update={"port": _free_port(), "host": "127.0.0.1"})
        live = settings.model_copy(update={"sources": tuple(cameras), "booth": booth})
        _say(
            f"五段视频现在当作摄像机循环播放。卡口岗页面（{cameras[0].checkpoint}，证书是自签的）：{_booth_link(live)}"
        )
        box = threading.Thread(target=run_box, args=(live, stop), kwargs={"as_json": False, "show_clear_plates": True})
        box.start()
        Supervisor(children_of("console", new_order(settings, url))).run(stop)
        stop.set()
        box.join()


def _booth_link(settings: Settings) -> str:
    with closing(open_devices(settings.state_dir)) as devices:
        token = devices.invite("演示平板", settings.sources[0].checkpoint, "", timedelta(hours=1))
    return f"{address_of(settings.booth.model_copy(update={'public_name': 'localhost'}))}/pair/{token}"


def _free_port() -> int:
    with closing(socket.socket()) as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def _prepare(folder: Path) -> Path:
    """Empty the demo's folder and write its kakou.toml; return that file's path. Raises SettingsError."""
    clips = sorted(CLIPS.glob("*.mp4"))
    if not clips:
        raise SettingsError(f"{CLIPS} 里没有演示录像：在源码文件夹里运行 kakou demo")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    begin = datetime.now(UTC) - timedelta(seconds=CLIP_GAP_S)
    parts = [f'state_dir = "{folder.resolve()}"\n', DEMO_LIMITS]
    for number, clip in enumerate(clips):
        parts.append(
            f'[[source]]\ncamera_id = "{clip.stem}"\ncheckpoint = "{_checkpoint_of(clip)}"\nuri = "{clip}"\n'
            f'start = "{begin.isoformat()}"\ngroup = "demo-{number % 2 + 1}"\n'
        )
    parts.append(_console_section(clips))
    config = folder / "kakou.toml"
    config.write_text("\n".join(parts), encoding="utf-8")
    return config


def _console_section(clips: list[Path]) -> str:
    """Place the clips' checkpoints in the sample grids (an invented county)."""
    grids = REPOSITORY / "console" / "samples" / "grids.geojson"
    lines = [
        f'[console]\ncounty_code = "999901"\ngrids_path = "{grids}"\nport = 0\nconfirm_timeout_s = 600\ndemo = true'
    ]
    for number, clip in enumerate(clips):
        place = SAMPLE_MICRO_GRIDS[number % len(SAMPLE_MICRO_GRIDS)]
        lines.append(f'[[console.checkpoint]]\nname = "{_checkpoint_of(clip)}"\ngrid_code = "{place}"')
    return "\n".join(lines)


def _checkpoint_of(clip: Path) -> str:
    from fixtures.truth import load_truth

    return load_truth(clip.with_suffix(".json")).checkpoint


def _import_sample_list(config: Path, folder: Path) -> None:
    """Write the sample files for today and import them through the real commands."""
    from fixtures.make_risk_list import write_risk_list

    travel_records, areas = write_risk_list(folder, datetime.now(UTC))
    for arguments in (["risk", "area", "import", areas], ["risk", "import", travel_records]):
        command = ["kakou", *map(str, arguments)]
        _say("$ " + " ".join(command))
        subprocess.run(
            [sys.executable, "-m", "kakou.main", *command[1:], "--config", str(config)],
            check=True,
            stdout=sys.stderr,  # our own stdout carries passages only
            env={name: value for name, value in os.environ.items() if name != "REDIS_URL"},
        )


def _conclude(settings: Settings, url: str, counts: dict[str, ScreeningCounts], elapsed_s: float) -> None:
    client = connect(url)
    on_stream = len(FlaggedStream(client).recent(1000))
    client.close()
    flagged = sum(each.flagged for each in counts.values())
    _say(f"事件流中有 {on_stream} 条预警（箱上 {flagged} 条）；全部待核实，等人看图确认。用时 {elapsed_s:.0f} 秒")
    _say("接着可以做：")
    _say(f"  再看一遍预警      kakou events --config {settings.state_dir}/kakou.toml")
    _say("  打开指挥屏        make demo SERVE=1（或 kakou demo --serve）")
    _say("  接自己的摄像机    写 kakou.toml（docs/kakou.toml.md），kakou doctor，kakou run")


def _say(text: str) -> None:
    stderr().print(text, soft_wrap=True, markup=False)
