"""Who may call what, and what bad input gets: every endpoint, from the OpenAPI document."""

import re
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from starlette.routing import BaseRoute, Mount

from console.cases.desk import StepRequest
from console.cases.steps import Action
from console.parts import Console
from console.people.tokens import SCOPE_ROLES
from console.types import ACCOUNT_ROLES, SYSTEM, Role
from console.web.rendering import STATIC_FOLDER
from tests.console_app import app_of
from tests.console_kit import GRID_A, GRID_B, PASSWORD, client_of, event_of, make_account, officer
from tests.picture_kit import jpeg, write_pictures


@pytest.fixture
def app(console: Console) -> FastAPI:
    return app_of(console)


_documents: list[dict[str, Any]] = []


def operations(app: FastAPI) -> list[tuple[str, str, dict[str, Any]]]:
    """Every console has the same document; it takes as long to make as ten requests."""
    if not _documents:
        _documents.append(app.openapi())
    paths = _documents[0]["paths"]
    return [(method.upper(), path, found) for path, ways in paths.items() for method, found in ways.items()]


def filled(path: str) -> str:
    numbers = {"case_id": "1", "photo_id": "1", "account_id": "99", "token_id": "99", "change_id": "1",
               "correction_id": "1", "objection_id": "1", "proposal_id": "1", "event_id": "0" * 32, "kind": "plate",
               "token": "x"}  # fmt: skip
    return path.format(**numbers)


def call(client: TestClient, method: str, path: str) -> int:
    accept = {"accept": "application/json"}
    body: dict[str, str] | None = {} if method == "POST" else None
    return client.request(method, filled(path), headers=accept, json=body).status_code


def test_every_endpoint_declares_who_may_call_it(app: FastAPI):
    for method, path, found in operations(app):
        assert bool(found.get("x-roles")) != bool(found.get("x-scopes")), f"{method} {path} declares nothing"


def test_every_route_is_in_the_openapi_document(app: FastAPI):
    known = {path for _, path, _ in operations(app)} | {"/api/openapi.json"}
    hidden = [route for route in flat(app.routes) if getattr(route, "path", "") not in known]
    assert [route.path for route in hidden if isinstance(route, Mount)] == ["/static"]
    assert len(hidden) == 1


def flat(routes: list[BaseRoute]) -> list[BaseRoute]:
    found: list[BaseRoute] = []
    for route in routes:
        inner = getattr(route, "original_router", None) or getattr(route, "router", None)
        found += flat(inner.routes) if inner is not None and not isinstance(route, Mount) else [route]
    return found


USUAL = (Role.OFFICER, Role.WORKER)
"""Asked in every run; the others in the long ones."""


@pytest.mark.parametrize(
    "role", [None, *(r if r in USUAL else pytest.param(r, marks=pytest.mark.long) for r in ACCOUNT_ROLES)]
)
def test_only_declared_roles_get_in(app: FastAPI, console: Console, role: Role | None):
    if role:
        make_account(console, "somebody", role, GRID_A if role is Role.WORKER else "")
    client = client_of(app, console, "somebody" if role else None)
    for method, path, found in operations(app):
        if path == "/logout" or "x-scopes" in found:
            continue
        may = "anyone" in found["x-roles"] or (role is not None and role.value in found["x-roles"])
        if may and path == "/screen/stream":
            continue  # never ends; test_console_live listens to it
        status = call(client, method, path)
        refused = 403 if role else 401
        assert (status != refused) if may else (status == refused), f"{role} {method} {path}: {status}"
        assert status != 500, f"{role} {method} {path}"


def test_a_number_that_no_row_has_is_refused_everywhere(app: FastAPI, console: Console):
    clients = {
        role: client_of(app, console, make_account(console, role.value, role, GRID_A).name) for role in ACCOUNT_ROLES
    }
    accept = {"accept": "application/json"}
    for number in ("0", "-1", str(2**31), "9" * 30, "x", "1e3", "%00"):
        for method, path, found in operations(app):
            names = re.findall(r"{(\w+_id)}", path)
            if not names or "x-scopes" in found:
                continue
            client = clients[Role(found["x-roles"][0])]
            address = path.format(**dict.fromkeys(names, number), kind="plate")
            body: dict[str, Any] = {"json": {"action": "confirm"}} if path.endswith("/step") else {"data": {}}
            status = client.request(method, address, headers=accept, **(body if method == "POST" else {})).status_code
            assert status in (404, 422), f"{method} {address}: {status}"


def test_a_token_gets_only_into_its_scopes(app: FastAPI, console: Console):
    people = {role: make_account(console, role.value, role) for role in (Role.OFFICER, Role.STEWARD)}
    for scope, roles in SCOPE_ROLES.items():
        actor = next(actor for role, actor in people.items() if role in roles)
        token = console.tokens.create("t", [scope], 9, actor, console.now())
        client = client_of(app, console, authorization=f"Bearer {token}")
        for method, path, found in operations(app):
            if found.get("x-scopes") == ["signed"]:
                assert call(client, method, path) == 401, f"{path} looks at the signature, no token counts"
            elif "x-scopes" in found:
                assert (call(client, method, path) != 403) == (scope.value in found["x-scopes"]), f"{scope} {path}"
            elif "anyone" not in found["x-roles"]:
                assert call(client, method, path) == 401, f"a token must not open {path}"


@pytest.mark.parametrize("first", ["phone.js", "screen.js"])
def test_a_page_names_every_script_it_needs_so_that_they_come_together(app: FastAPI, console: Console, first: str):
    make_account(console, "officer", Role.OFFICER)
    page = client_of(app, console, "officer").get("/m" if first == "phone.js" else "/screen").text
    named = {first, *re.findall(r'rel="modulepreload" href="/static/([\w.]+)"', page)}
    needed = {name for one in named for name in re.findall(r'(?:from|import) "\./([\w.]+)"', script(one))}
    assert len(named) > 5
    assert needed <= named, "one that is not named costs another way there and back"


def script(name: str) -> str:
    return (STATIC_FOLDER / name).read_text(encoding="utf-8")


def test_no_endpoint_takes_a_plate(app: FastAPI):
    document = app.openapi()
    names = {parameter["name"] for _, _, found in operations(app) for parameter in found.get("parameters", ())}
    schemas = document["components"]["schemas"]
    bodies = {name for name in schemas if name.startswith("Body_") or name.endswith(("Body", "Form"))}
    # These ask the list why a vehicle stands on it, or put one on it; they know nothing of passages.
    of_the_list = {f"Body_{name}_post" for name in ("show_vehicle_vehicle", "remove_vehicle_vehicle_remove",
                                                    "restore_vehicle_vehicle_restore", "enter_list_entry")}  # fmt: skip
    assert of_the_list <= bodies
    asked = {path: found["x-roles"] for _, path, found in operations(app) if path.startswith(("/vehicle", "/list/en"))}
    assert set(map(tuple, asked.values())) == {(Role.STEWARD.value,)}
    for name in bodies - of_the_list:
        names |= set(document["components"]["schemas"][name]["properties"])
    allowed = {"case_id", "photo_id", "account_id", "token_id", "change_id", "correction_id", "event_id", "kind",
               "token", "group", "before", "limit", "since", "until", "next", "username", "password", "again", "code",
               "action", "version", "reason", "assignee_id", "channel", "note", "key", "case_ids", "photo", "file",
               # A search goes over cases, with a reason for the audit; what it finds was flagged.
               "text", "level", "checkpoint", "seen_before", "who", "user", "old",
               "area", "source", "begin", "end", "objection_id", "reference", "told", "proposal_id",
               "display_name", "role", "scope", "is_active", "name", "days", "scopes", "answer",
               "weeks", "month", "offer", "done_at", "sent_at"}  # fmt: skip
    assert names <= allowed, "a new field: make sure that nobody can ask with it where a vehicle was"
    assert not any("plate" in name for name in names)


def test_a_worker_of_grid_a_gets_nothing_of_grid_b(app: FastAPI, console: Console, tmp_path: Path):
    make_account(console, "worker", Role.WORKER, GRID_A)
    event = event_of(checkpoint="二号卡口", **write_pictures(tmp_path, "测B12345"))
    console.intake.take([event], console.now())
    for action in (Action.CONFIRM, Action.ASSIGN):
        console.desk.act(StepRequest(1, action), officer(), console.now())
    client = client_of(app, console, "worker")
    assert client.get("/m/tasks").json()["tasks"] == []
    assert client.post("/m/tasks/1/step", json={"action": "accept"}).status_code == 404
    assert client.get(f"/cases/1/events/{event.event_id}/vehicle").status_code == 404
    assert client.post("/m/tasks/1/photo", files={"photo": ("a.jpg", jpeg(tmp_path))}).status_code == 404
    make_account(console, "neighbour", Role.WORKER, GRID_B)
    neighbour = client_of(app, console, "neighbour")
    assert neighbour.get(f"/cases/1/events/{event.event_id}/vehicle").status_code == 404  # not before 接单
    assert neighbour.post("/m/tasks/1/step", json={"action": "accept"}).status_code == 200
    assert neighbour.get(f"/cases/1/events/{event.event_id}/vehicle").status_code == 200


@pytest.mark.parametrize(
    "headers", [{"x-csrf-token": "wrong"}, {"origin": "https://evil.example"}, {"sec-fetch-site": "cross-site"}]
)
def test_a_write_from_another_site_is_refused(app: FastAPI, console: Console, headers: dict[str, str]):
    make_account(console, "officer", Role.OFFICER)
    console.intake.take([event_of()], console.now())
    client = client_of(app, console, "officer")
    answer = client.post("/screen/cases/1/step", json={"action": "confirm"}, headers=headers)
    assert answer.status_code == 403
    assert console.cases.detail(officer(), 1).view.state == "new"


def test_every_answer_carries_the_security_headers(app: FastAPI, console: Console):
    client = client_of(app, console)
    for path in ("/login", "/static/base.css", "/nowhere", "/screen"):
        headers = client.get(path).headers
        assert "script-src 'self'" in headers["content-security-policy"]
        assert "unsafe" not in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["strict-transport-security"]
    assert client.get("/login").headers["cache-control"] == "no-store"


def test_the_cookie_cannot_be_read_by_scripts_or_set_by_a_neighbour(app: FastAPI, console: Console):
    make_account(console, "officer", Role.OFFICER)
    answer = client_of(app, console).post("/login", data={"username": "officer", "password": PASSWORD})
    cookie = answer.headers["set-cookie"]
    assert cookie.startswith("__Host-kakou=")
    assert {"HttpOnly", "Secure", "Path=/", "SameSite=lax"} <= {part.strip() for part in cookie.split(";")}
    assert answer.headers["location"] == "/"


@pytest.mark.parametrize("target", ["//evil.example", "https://evil.example", "/\\evil.example", "javascript:alert(1)"])
def test_the_log_in_never_leads_to_another_site(app: FastAPI, console: Console, target: str):
    make_account(console, "officer", Role.OFFICER)
    answer = client_of(app, console).post("/login", data={"username": "officer", "password": PASSWORD, "next": target})
    assert answer.headers["location"] == "/"


def test_a_spoofed_forwarded_address_does_not_get_around_the_throttle(app: FastAPI, console: Console):
    client = client_of(app, console)
    statuses = []
    for number in range(30):
        form = {"username": f"name{number}", "password": "guess guess guess"}
        answer = client.post("/login", data=form, headers={"x-forwarded-for": f"10.0.0.{number}"})
        statuses.append("失败次数过多" in answer.text)
        console.now.forward(2)  # type: ignore[attr-defined]  # the clock of a test can be set
    assert statuses.count(False) <= 20
    assert statuses[-1]


def test_a_page_without_a_log_in_leads_to_the_log_in_and_back(app: FastAPI, console: Console):
    answer = client_of(app, console).get("/screen", headers={"accept": "text/html"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/login?next=/screen")
    answer = client_of(app, console).get("/screen?case=7", headers={"accept": "text/html"})
    assert parse_qs(urlsplit(answer.headers["location"]).query) == {"next": ["/screen?case=7"]}


def test_a_form_that_is_sent_after_the_log_in_ended_says_that_it_was_not_taken(app: FastAPI, console: Console):
    answer = client_of(app, console).post("/shift/note", data={"text": "x"}, headers={"accept": "text/html"})
    assert (answer.status_code, "没有提交" in answer.text) == (401, True)


def test_an_expired_session_in_the_middle_of_an_outcome_is_told_and_loses_nothing(app: FastAPI, console: Console):
    make_account(console, "worker", Role.WORKER, GRID_A)
    console.intake.take([event_of()], console.now())
    for action in (Action.CONFIRM, Action.ASSIGN):
        console.desk.act(StepRequest(1, action), officer(), console.now())
    client = client_of(app, console, "worker")
    client.post("/m/tasks/1/step", json={"action": "accept"})
    console.now.forward(13 * 3600)  # type: ignore[attr-defined]  # the clock of a test can be set
    outcome = {"action": "close", "reason": "true", "note": "已上门", "key": "0123456789"}
    answer = client.post("/m/tasks/1/step", json=outcome)
    assert (answer.status_code, "内容会保留" in answer.json()["message"]) == (401, True)
    again = client_of(app, console, "worker")
    assert [again.post("/m/tasks/1/step", json=outcome).status_code for _ in range(2)] == [200, 200]
    assert console.cases.detail(officer(), 1).steps[-1].note == "已上门"


def test_answers_are_compressed_and_pictures_and_the_stream_are_not_touched(app: FastAPI, console: Console):
    make_account(console, "officer", Role.OFFICER)
    client = client_of(app, console, "officer", **{"accept-encoding": "gzip"})
    for path in ("/screen", "/static/screen.css", "/static/case_list.js"):
        assert client.get(path).headers["content-encoding"] == "gzip", path
    events = [event_of(f"测Z{number:05}") for number in range(20)]
    console.intake.take(events, console.now())
    assert client.get("/screen/cases").headers["content-encoding"] == "gzip"


def test_whoever_redeems_a_link_is_told_that_the_account_works(app: FastAPI, console: Console):
    token = console.accounts.create("fourth", "第四人", Role.WORKER, GRID_A, SYSTEM, console.now())
    answer = client_of(app, console, accept="text/html").post(
        f"/setup/{token}", data={"password": PASSWORD, "again": PASSWORD}
    )
    assert (answer.status_code, "账号已启用，请登录。" in answer.text) == (200, True)
