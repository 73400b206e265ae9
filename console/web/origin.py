"""Whether a write came from our own page."""

from urllib.parse import urlsplit

from starlette.datastructures import Headers


def origin_fault(headers: Headers) -> str | None:
    """Return in words what shows that another site's page sent it; None where nothing does."""
    site = headers.get("sec-fetch-site", "same-origin")
    origin = headers.get("origin")
    host = headers.get("host", "")
    if site not in ("same-origin", "none"):
        return f"请求不是从本系统页面发出的（Sec-Fetch-Site: {site[:20]}），已拒绝。"
    if origin is not None and _place_of(origin) != host:
        return (
            f"请求头 Origin（{origin[:100]}）与 Host（{host[:100]}）不一致，已拒绝。如果前面有反向代理，请让它原样转发 "
            "Host：nginx 用 proxy_set_header Host $http_host;，见 docs/console.md。"
        )
    return None


def _place_of(origin: str) -> str | None:
    try:
        return urlsplit(origin).netloc
    except ValueError:
        return None
