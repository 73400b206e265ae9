"""A real RTSP camera for the tests: GStreamer's server, in a process of its own, plays a clip to each who asks."""

import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

SYSTEM_PYTHON = "/usr/bin/python3"
"""Debian's bindings are built for Debian's Python."""
PACKAGES = (
    "gir1.2-gst-rtsp-server-1.0 python3-gi gstreamer1.0-plugins-base gstreamer1.0-plugins-good gstreamer1.0-plugins-bad"
)
SERVER = """
import sys, gi
gi.require_version("Gst", "1.0"); gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, Gst, GstRtspServer
Gst.init(None)
assert all(Gst.ElementFactory.find(name) for name in ("qtdemux", "h264parse", "rtph264pay")), "elements"
if len(sys.argv) > 2:
    server = GstRtspServer.RTSPServer(service=sys.argv[1])
    pay = "qtdemux ! h264parse ! rtph264pay name=pay0 pt=96 config-interval=1"
    for name, clip in zip(("/clip", "/sub"), sys.argv[2:]):
        factory = GstRtspServer.RTSPMediaFactory()
        factory.set_launch(f'( filesrc location="{clip}" ! {pay} )')
        server.get_mount_points().add_factory(name, factory)
    server.attach(None)
    print("ready", flush=True)
    GLib.MainLoop().run()
"""


def require_gstreamer() -> None:
    """Skip the test where the server is missing; fail where CI is set."""
    if (
        shutil.which(SYSTEM_PYTHON)
        and subprocess.run([SYSTEM_PYTHON, "-c", SERVER], capture_output=True).returncode == 0
    ):
        return
    missing = f"no GStreamer RTSP server: apt-get install {PACKAGES}"
    if os.environ.get("CI"):
        pytest.fail(missing)
    pytest.skip(missing)


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@contextmanager
def rtsp_camera(clip: Path, port: int, sub: Path | None = None) -> Iterator[str]:
    """Yield the address; on leaving, the camera is gone as if its power had been cut. `sub`: what plays at /sub."""
    with rtsp_server(port, clip, *[] if sub is None else [sub]):
        yield f"rtsp://127.0.0.1:{port}/clip"


@contextmanager
def rtsp_server(port: int, *clips: Path) -> Iterator[subprocess.Popen[str]]:
    """Yield the camera's process, which may be stopped and killed; /clip and /sub play the clips."""
    command = [SYSTEM_PYTHON, "-c", SERVER, str(port), *map(str, clips)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as server:
        try:
            assert server.stdout is not None
            assert server.stdout.readline() == "ready\n"
            yield server
        finally:
            server.kill()
