"""`make pictures`: what documents show of the command line, from commands that really run.

python -m tests.terminal_pictures FOLDER
"""

import html
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import Browser
from rich.cells import cell_len

from fixtures.truth import FIXTURE_VIDEOS
from tests.alerts_kit import wait_until
from tests.commands import REPOSITORY, start_kakou
from tests.console_browser import open_browser
from tests.reads_kit import SECRET

COLUMNS = 112
COLOURS = {"✓": "#7ec699", "!": "#e5c07b", "✗": "#ff7b72"}
PAGE = """<style>
body {{ margin: 0; background: #1c1f26; display: inline-block }}
pre {{ margin: 0; padding: 18px 22px; color: #d7dae0; font: 14px/1.45 "DejaVu Sans Mono", "Noto Sans CJK SC" }}
b {{ color: #fff }}
i {{ display: inline-block; font-style: normal; overflow: visible; white-space: nowrap }}
</style><pre><b>$ {command}</b>
{text}</pre>"""
BOX = """[reads]
port = {port}
[[source]]
camera_id = "一号车道"
checkpoint = "东门卡口"
uri = "{clip}"
[[source]]
camera_id = "二号车道"
checkpoint = "东门卡口"
uri = "rtsp://127.0.0.1:9/stream1"
[[reads.device]]
device_id = "K01"
maker = "hikvision"
checkpoint = "东门卡口"
secret_file = "{secret}"
"""
READS_PORT = 18070


def main(folder: Path) -> None:
    with tempfile.TemporaryDirectory() as state, open_browser() as browser:
        home = Path(state)
        (home / "secret").write_text(SECRET)
        (home / "secret").chmod(0o600)
        clip = FIXTURE_VIDEOS / "day_gantry.mp4"
        config = home / "kakou.toml"
        settings = BOX.format(port=READS_PORT, clip=clip, secret=home / "secret")
        config.write_text(settings, encoding="utf-8")
        picture(browser, "kakou doctor", home, folder / "doctor.png")
        config.write_text(settings.partition("[[source]]")[0] + settings[settings.index("[[reads") :], encoding="utf-8")
        with start_kakou("run", folder=home) as box:
            wait_until(lambda: (home / "var" / "run" / "reads.address").exists(), timeout_s=60)
            picture(browser, "kakou reads test --device K01", home, folder / "reads-test.png")
            box.terminate()


def picture(browser: Browser, command: str, home: Path, path: Path) -> None:
    """Run a command as a Chinese user would, and photograph what it says."""
    environment = os.environ | {"LANG": "zh_CN.UTF-8", "COLUMNS": str(COLUMNS), "NO_COLOR": "1", "HOME": str(home)}
    environment |= {"PYTHONPATH": str(REPOSITORY)}
    done = subprocess.run(
        [sys.executable, "-m", "kakou.main", *command.split()[1:]],
        cwd=home, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    said = "\n".join(line.rstrip() for line in done.stdout.strip().splitlines())
    text = "".join(map(in_cells, said))
    for mark, colour in COLOURS.items():
        text = text.replace(f"{in_cells(mark)} ", f'<span style="color:{colour}">{in_cells(mark)}</span> ')
    page = browser.new_page(viewport={"width": 1400, "height": 800})
    page.set_content(PAGE.format(command=command, text=text))
    page.locator("body").screenshot(path=path)
    page.close()


def in_cells(character: str) -> str:
    """Return a character in as many columns as a terminal gives it, whatever font it is drawn with."""
    width = cell_len(character)
    shown = html.escape(character)
    return shown if character.isascii() else f"<i style='width:{width}ch'>{shown}</i>"


if __name__ == "__main__":
    main(Path(sys.argv[1]))
