"""What a video names is opened through the protocols of its kind and no other: FFmpeg itself refuses."""

import socket
from pathlib import Path

import av
import pytest

from pipeline.video.ffmpeg import FILE_OPTIONS, LIVE_OPTIONS


@pytest.mark.parametrize("address", ["http://{}/a.mp4", "tcp://{}", "rtmp://{}/a", "ftp://{}/a.mp4", "gopher://{}/1"])
def test_a_file_reaches_no_network(address: str):
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        listener.settimeout(0.1)
        target = address.format(f"127.0.0.1:{listener.getsockname()[1]}")
        with pytest.raises((av.error.FFmpegError, ValueError)):
            av.open(target, options=FILE_OPTIONS, timeout=(2.0, 2.0))
        with pytest.raises(TimeoutError):
            listener.accept()


@pytest.mark.parametrize("form", ["concat:{0}|{0}", "subfile,,start,0,end,9,,:{0}", "data:text/plain,{0}", "cache:{0}"])
def test_a_file_opens_no_other_file_by_a_protocol(tmp_path: Path, form: str):
    secret = tmp_path / "a.h264"
    secret.write_bytes(b"\0\0\0\1" * 64)
    with pytest.raises(av.error.FFmpegError, match=r"Invalid argument|whitelist|not found|No such file"):
        av.open(form.format(secret), options=FILE_OPTIONS)


def test_a_live_source_opens_no_file(tmp_path: Path):
    (tmp_path / "a.mjpeg").write_bytes(b"x" * 64)
    for options, protocols in ((FILE_OPTIONS, {"file"}), (LIVE_OPTIONS, _LIVE)):
        assert set(options["protocol_whitelist"].split(",")) == protocols
    with pytest.raises(av.error.FFmpegError, match="Invalid argument"):
        av.open(f"file:{tmp_path / 'a.mjpeg'}", options=LIVE_OPTIONS)


def test_no_playlist_counts_as_a_video():
    playlists = {"hls", "dash", "concat", "concatf", "image2", "sdp", "rtsp", "lavfi", "imf", "vapoursynth", "tty"}
    assert not playlists & set(FILE_OPTIONS["format_whitelist"].split(","))


_LIVE = {"rtsp", "rtsps", "rtp", "udp", "tcp", "tls", "http", "https", "crypto"}
