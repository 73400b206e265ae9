"""An RTSP server with cameras that play clips: `/usr/bin/python3 camera_server.py [--auth] PORT NAME=CLIP...`

GStreamer's, whose bindings Debian builds for its own Python: this file imports nothing of ours and is never imported.
Every client gets its own playback from the beginning. It says `ready`, and drops all clients at SIGUSR1, as a switch
does that is turned off and on.
"""

import argparse
import signal
from typing import Any

import gi  # type: ignore[import-not-found]  # Debian's, for Debian's Python alone

gi.require_version("Gst", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import (  # type: ignore[import-not-found]  # noqa: E402  as above; versions must be chosen first
    GLib,
    Gst,
    GstRtspServer,
)

PAYLOADERS = {
    ".mp4": "qtdemux ! h264parse ! rtph264pay",
    ".mkv": "matroskademux ! h265parse ! rtph265pay",
}
"""By the clip's suffix: H.264 in MP4, HEVC in Matroska."""


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--auth", action="store_true")
    parser.add_argument("port")
    parser.add_argument("clips", nargs="+")
    options = parser.parse_args()
    Gst.init(None)
    server = GstRtspServer.RTSPServer(service=options.port)
    if options.auth:
        server.set_auth(password_needed())
    for clip in options.clips:
        name, _, path = clip.partition("=")
        server.get_mount_points().add_factory("/" + name, camera_of(path, options.auth))
    server.attach(None)
    GLib.unix_signal_add(GLib.PRIORITY_HIGH, signal.SIGUSR1, drop_clients, server)
    print("ready", flush=True)
    GLib.MainLoop().run()


def camera_of(path: str, needs_password: bool) -> Any:
    payloader = next(each for suffix, each in PAYLOADERS.items() if path.endswith(suffix))
    factory = GstRtspServer.RTSPMediaFactory()
    factory.set_launch(f'( filesrc location="{path}" ! {payloader} name=pay0 pt=96 config-interval=1 )')
    if needs_password:
        permissions = GstRtspServer.RTSPPermissions()
        for right in ("access", "construct"):
            permissions.add_permission_for_role("viewer", f"media.factory.{right}", True)
        factory.set_permissions(permissions)
    return factory


def password_needed() -> Any:
    auth = GstRtspServer.RTSPAuth()
    token = GstRtspServer.RTSPToken()
    token.set_string("media.factory.role", "viewer")
    auth.add_basic(GstRtspServer.RTSPAuth.make_basic("viewer", "invented"), token)
    return auth


def drop_clients(server: Any) -> bool:
    server.client_filter(lambda *_: GstRtspServer.RTSPFilterResult.REMOVE)
    return True


if __name__ == "__main__":
    main()
