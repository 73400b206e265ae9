"""As much of an S3 server as a broker needs for its log: objects in memory, conditional writes, listing by prefix."""

import hashlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape

_WHEN = "Sun, 29 Nov 2026 00:00:00 GMT"


class _Server(ThreadingHTTPServer):
    def handle_error(self, *_: object) -> None:
        """A broker that is killed leaves its connections."""


class _Store(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    objects: ClassVar[dict[str, bytes]]
    lock: ClassVar[threading.Lock]

    def log_message(self, *_: object) -> None:
        """Nobody reads it."""

    def do_PUT(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        if self.headers.get("x-amz-content-sha256", "").startswith("STREAMING"):
            self._answer(501)
            return
        with self.lock:
            old = self.objects.get(self._key)
            wanted = self.headers.get("if-match")
            is_refused = old is not None and self.headers.get("if-none-match") == "*"
            is_refused |= wanted is not None and (old is None or wanted != _etag(old))
            if not is_refused:
                self.objects[self._key] = body
        self._answer(412 if is_refused else 200, etag=_etag(body))

    def do_GET(self) -> None:
        if "list-type" in parse_qs(urlsplit(self.path).query):
            self._answer(200, self._listing(), "application/xml")
            return
        body = self.objects.get(self._key)
        if body is None:
            self._answer(404, b"<Error><Code>NoSuchKey</Code></Error>", "application/xml")
        elif self.headers.get("if-none-match") == _etag(body):
            self._answer(304, etag=_etag(body))
        elif (span := self.headers.get("range", "")).startswith("bytes="):
            first, last = span.removeprefix("bytes=").split("-")
            end = min(int(last) + 1, len(body)) if last else len(body)
            whole = f"bytes {first}-{end - 1}/{len(body)}"
            self._answer(206, body[int(first) : end], etag=_etag(body), content_range=whole)
        else:
            self._answer(200, body, etag=_etag(body))

    do_HEAD = do_GET

    def do_DELETE(self) -> None:
        with self.lock:
            self.objects.pop(self._key, None)
        self._answer(204)

    @property
    def _key(self) -> str:
        return unquote(urlsplit(self.path).path)

    def _listing(self) -> bytes:
        asked = {name: values[0] for name, values in parse_qs(urlsplit(self.path).query).items()}
        prefix, delimiter, bucket = asked.get("prefix", ""), asked.get("delimiter", ""), self._key.rstrip("/") + "/"
        with self.lock:
            sizes = {key.removeprefix(bucket): len(body) for key, body in self.objects.items()}
        found, folders = [], set()
        for key in sorted(key for key in sizes if key.startswith(prefix)):
            inner = key[len(prefix) :]
            if delimiter and delimiter in inner:
                folders.add(prefix + inner.split(delimiter, 1)[0] + delimiter)
            else:
                found.append(key)
        contents = "".join(
            f"<Contents><Key>{escape(key)}</Key><LastModified>2026-11-29T00:00:00.000Z</LastModified>"
            f"<Size>{sizes[key]}</Size></Contents>"
            for key in found
        )
        common = "".join(f"<CommonPrefixes><Prefix>{escape(one)}</Prefix></CommonPrefixes>" for one in sorted(folders))
        return f"<ListBucketResult><IsTruncated>false</IsTruncated>{contents}{common}</ListBucketResult>".encode()

    def _answer(self, status: int, body: bytes = b"", kind: str = "application/octet-stream", **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("last-modified", _WHEN)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)


def _etag(body: bytes) -> str:
    return f'"{hashlib.md5(body, usedforsecurity=False).hexdigest()}"'


@contextmanager
def object_store() -> Iterator[int]:
    """Yield the port of an empty store on loopback."""
    handler = type("Store", (_Store,), {"objects": {}, "lock": threading.Lock()})
    server = _Server(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()
