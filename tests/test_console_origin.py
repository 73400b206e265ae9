"""A request that another site's page makes in a person's browser is refused by what the browser says of it."""

import pytest
from starlette.datastructures import Headers

from console.web.origin import origin_fault

HOST = "kakou.example:8443"


@pytest.mark.parametrize(
    ("said", "is_refused"),
    [
        ({}, False),
        ({"sec-fetch-site": "same-origin"}, False),
        ({"sec-fetch-site": "none"}, False),
        ({"sec-fetch-site": "cross-site"}, True),
        ({"sec-fetch-site": "same-site"}, True),
        ({"origin": f"https://{HOST}"}, False),
        ({"origin": "https://evil.example"}, True),
        ({"origin": f"https://{HOST}.evil.example"}, True),
        ({"origin": "null"}, True),
        ({"origin": "http://["}, True),
        ({"sec-fetch-site": "same-origin", "origin": "https://evil.example"}, True),
        ({"sec-fetch-site": "cross-site", "origin": f"https://{HOST}"}, True),
    ],
)
def test_another_sites_request_is_refused_by_either_header(said: dict[str, str], is_refused: bool):
    assert (origin_fault(Headers({"host": HOST, **said})) is not None) == is_refused
