"""The first people at a new centre: `python docs_walk_officer.py ADDRESS LINK CA PLATE SECONDS`, on another machine.

The chief sets the first account up by its link and makes one for an officer, who waits for the plate on the command
screen, looks at its pictures, confirms it and closes it. Prints the state that the screen then shows.
"""

import functools
import re
import ssl
import sys
import time
from typing import Any

import httpx
import pyotp

PASSWORD = "a walk along the shore"


def main(address: str, link: str, ca: str, plate: str, within_s: str) -> None:
    browser = functools.partial(
        httpx.Client, base_url=address, verify=ssl.create_default_context(cafile=ca), timeout=30,
        headers={"origin": address, "accept": "text/html"},
    )  # fmt: skip
    with browser() as chief, browser() as officer:
        enter(chief, link, "chief")
        account = {"username": "duty", "display_name": "值班员", "role": "officer", "csrf": csrf(chief, "/accounts")}
        made = chief.post("/accounts", data=account).raise_for_status().text
        enter(officer, found(r'id="invitation">(.*?)<', made), "duty")
        officer.headers["x-csrf-token"] = csrf(officer, "/screen")
        case = seen(officer, plate, time.monotonic() + float(within_s))
        for body in ({"action": "confirm", "version": case["version"]}, {"action": "close", "reason": "true"}):
            officer.post(f"/screen/cases/{case['case_id']}/step", json=body).raise_for_status()
        is_open = any(one["case_id"] == case["case_id"] for one in officer.get("/screen/cases").json())
        closed = officer.get("/screen/cases", params={"group": "done"}).raise_for_status().json()
        print(is_open, *(one["state_name"] for one in closed))  # noqa: T201  what the test reads


def enter(http: httpx.Client, link: str, username: str) -> None:
    """Set an account up by its link and log in."""
    path = "/setup/" + link.partition("/setup/")[2]
    form = {"username": username, "password": PASSWORD, "again": PASSWORD}
    code = None
    if secret := re.search(r'id="totp-secret">([A-Z2-7]+)<', http.get(path).raise_for_status().text):
        code = pyotp.TOTP(secret[1])
        form["code"] = code.now()
    http.post(path, data=form).raise_for_status()
    if code:
        form["code"] = code.at(time.time() + 30)  # each is good once
    http.post("/login", data=form)


def csrf(http: httpx.Client, path: str) -> str:
    return found('name="csrf" (?:value|content)="([^"]+)"', http.get(path).raise_for_status().text)


def found(pattern: str, text: str) -> str:
    match = re.search(pattern, text)
    assert match is not None, re.sub(r"<[^>]+>|\s+", " ", text)[:2000]
    return match[1]


def seen(http: httpx.Client, plate: str, deadline: float) -> dict[str, Any]:
    """Wait for the plate and for its pictures, which come behind it."""
    while True:
        cases = http.get("/screen/cases").raise_for_status().json()
        for case in cases:
            pictures = [f"/cases/{case['case_id']}/events/{case['event_id']}/{kind}" for kind in ("vehicle", "plate")]
            if case["plate_text"] == plate and all(http.get(path).is_success for path in pictures):
                return dict(case)
        assert time.monotonic() < deadline, cases
        time.sleep(1)


if __name__ == "__main__":
    main(*sys.argv[1:])
