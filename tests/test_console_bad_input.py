"""Bad input gets a sentence in plain Chinese, and nothing is lost or run."""

from html.parser import HTMLParser
from pathlib import Path

import pytest
from fastapi import FastAPI

from alerts.flagged import FlaggedEvent
from console.cases.desk import StepRequest
from console.cases.steps import Action
from console.parts import Console
from console.people.tokens import SCOPE_ROLES, Scope
from console.types import Role
from tests.console_app import app_of
from tests.console_kit import GRID_A, client_of, event_of, make_account, officer, settings_with
from tests.hostile import HOSTILE
from tests.picture_kit import jpeg


@pytest.fixture
def app(console: Console) -> FastAPI:
    return app_of(console)


def test_photos_that_are_none_are_refused_in_words_and_the_case_goes_on(app: FastAPI, console: Console, tmp_path: Path):
    make_account(console, "worker", Role.WORKER, GRID_A)
    console.intake.take([event_of()], console.now())
    for action in (Action.CONFIRM, Action.ASSIGN):
        console.desk.act(StepRequest(1, action), officer(), console.now())
    client = client_of(app, console, "worker")
    client.post("/m/tasks/1/step", json={"action": "accept"})
    bomb = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + (65500).to_bytes(4) * 2 + b"\x08\x02\0\0\0"
    bad = {"40 MB": b"\xff\xd8\xff" + bytes(40 * 2**20), "exe": b"MZ" + bytes(100), "bomb": bomb, "empty": b"",
           "cut": jpeg(tmp_path)[:60], "svg": b"<svg onload=alert(1)>"}  # fmt: skip
    for name, content in bad.items():
        answer = client.post("/m/tasks/1/photo", files={"photo": ("photo.jpg", content, "image/jpeg")})
        assert answer.status_code == 400, name
        assert "照片" in answer.json()["message"]
    good = client.post("/m/tasks/1/photo", files={"photo": ("../../x.jpg", jpeg(tmp_path), "image/jpeg")})
    assert good.status_code == 200
    kept = client.get(f"/cases/1/photos/{good.json()['photo_id']}")
    assert kept.headers["content-type"] == "image/jpeg"
    assert kept.content.startswith(b"\xff\xd8\xff")


def test_what_is_too_long_or_not_as_it_must_be_is_named_as_the_page_names_it(app: FastAPI, console: Console):
    make_account(console, "officer", Role.OFFICER)
    make_account(console, "admin", Role.ADMIN)
    console.intake.take([event_of()], console.now())
    step = {"action": "confirm", "version": 1, "key": "k" * 8, "note": "很" * 10_000}
    long_note = client_of(app, console, "officer").post("/screen/cases/1/step", json=step)
    assert (long_note.status_code, "说明太长（最多 2000 字）" in long_note.json()["message"]) == (422, True)
    newcomer = {"username": "wang", "display_name": "王" * 100, "role": "worker", "scope": "99990"}
    refused = client_of(app, console, "admin").post("/accounts", data=newcomer)
    assert "姓名太长（最多 64 字）、辖区编码。" in refused.json()["message"]


@pytest.mark.parametrize("path", ["../console.key", "/etc/passwd", "a/../../console.sqlite", "evidence"])
def test_an_evidence_path_never_leads_out_of_the_evidence_folder(app: FastAPI, console: Console, path: str):
    make_account(console, "officer", Role.OFFICER)
    event = event_of(plate_picture=path)
    console.intake.take([event], console.now())
    assert client_of(app, console, "officer").get(f"/cases/1/events/{event.event_id}/plate").status_code == 404


@pytest.mark.parametrize("every", [5, pytest.param(1, marks=pytest.mark.long)])
def test_500_hostile_texts_are_shown_as_text(app: FastAPI, console: Console, every: int):
    """By default every fifth of them, of each kind some."""
    assert len(HOSTILE) >= 500
    texts = HOSTILE[::every]
    make_account(console, "officer", Role.OFFICER)
    client = client_of(app, console, "officer")
    per_case = 6  # as reason, source, camera, checkpoint, note and second reading
    for start in range(0, len(texts), per_case):
        console.intake.take([hostile_event(start, texts[start : start + per_case])], console.now())
        case_id = start // per_case + 1
        note = texts[min(start + 4, len(texts) - 1)]
        console.desk.act(StepRequest(case_id, Action.CONFIRM, note=note), officer(), console.now())
        assert_only_text(client.get(f"/screen/cases/{case_id}").text, [*texts[start : start + 4], note])
    assert_only_text(client.get("/screen").text, [])


@pytest.mark.parametrize("every", [5, pytest.param(1, marks=pytest.mark.long)])
def test_500_hostile_plates_are_shown_as_text(app: FastAPI, console: Console, every: int):
    make_account(console, "officer", Role.OFFICER)
    client = client_of(app, console, "officer")
    plates = sorted({text.replace("\n", " ")[:16] for text in HOSTILE} | {f"<b onload={n}>" for n in range(250)})
    plates += [f"'\"><i id={n:03}>" for n in range(500 - len(plates))]
    assert len(plates) >= 500
    plates = plates[::every]
    console.intake.take([event_of(plate, plate_class=plate[:8]) for plate in plates], console.now())
    for case_id, plate in enumerate(plates, start=1):
        if case_id % 10 == 0:  # the same template each time
            assert_only_text(client.get(f"/screen/cases/{case_id}").text, [plate])
    views = client.get("/screen/cases").json()
    assert [view["plate_text"] for view in views] == plates[:-101:-1]


@pytest.mark.long
def test_500_hostile_names_and_file_names_are_shown_as_text(app: FastAPI, console: Console):
    admin, _ = make_account(console, "chief", Role.ADMIN), make_account(console, "steward", Role.STEWARD)
    names = [text[:64] for text in HOSTILE]
    for number, name in enumerate(names):
        console.accounts.create(f"name{number}", name, Role.AUDITOR, "", admin, console.now())
    assert_only_text(client_of(app, console, "chief").get("/accounts").text, names)
    steward = client_of(app, console, "steward")
    per_page = 50
    for start in range(0, len(HOSTILE), per_page):
        files = [f"{text}.csv" for text in HOSTILE[start : start + per_page]]
        for file_name in files:
            console.list_changes.submit(file_name, b"plate", admin, console.now())
        assert_only_text(steward.get("/list").text, files)
    assert_only_text(steward.get("/list/1").text, [f"{HOSTILE[0]}.csv"])
    upload = {"file": ('"><img src=x onerror=alert(1)>.csv', b"plate")}
    page = steward.post("/list", files=upload).headers["location"]
    assert_only_text(steward.get(page).text, ["<img src=x onerror=alert(1)>.csv"])


def hostile_event(number: int, texts: list[str]) -> FlaggedEvent:
    why, source, camera_id, checkpoint, *_ = [*texts, *["x"] * 6]
    event = event_of(f"测{number:05}", why=why, checkpoint=checkpoint, camera_id=camera_id)
    reason = event.reasons[0].model_copy(update={"source": source, "area_name": why[:150]})
    other = event.alternatives[0].model_copy(update={"text": texts[-1][:16]})
    return event.model_copy(update={"reasons": (reason,), "alternatives": (other,)})


def assert_only_text(page: str, hostile: list[str]) -> None:
    """Every hostile text is there, as text, less what would turn it; no element or attribute of theirs is."""
    parser = Tags()
    parser.feed(page)
    known = {"svg", "path", "g", "circle", "rect", "text"} if "指挥屏" in page else set()
    assert not {"svg", "iframe", "video", "math", "img src", "style", "textarea"} & (parser.names - known)
    assert not [name for name in parser.attributes if name.startswith("on") or name == "srcdoc"]
    assert not [link for link in parser.links if not link.startswith("/")]
    assert parser.scripts <= {"/static/theme.js", "/static/tables.js", "/static/forms.js", "/static/screen.js", None}
    shown = " ".join("".join(parser.texts).split())
    assert "\u202e" not in page
    assert not [text for text in hostile if " ".join(text.replace("\u202e", "").split()) not in shown]


class Tags(HTMLParser):
    """Notes what a browser would make elements of, and what it would show."""

    def __init__(self) -> None:
        super().__init__()
        self.names: set[str] = set()
        self.attributes: set[str] = set()
        self.links: set[str] = set()
        self.scripts: set[str | None] = set()
        self.texts: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.add(tag)
        self.attributes |= {name for name, _ in attrs}
        self.links |= {value or "" for name, value in attrs if name in ("href", "src", "action")}
        if tag == "script":
            self.scripts.add(dict(attrs).get("src"))

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


def test_a_lost_database_is_told_in_words(app: FastAPI, console: Console, tmp_path: Path):
    make_account(console, "officer", Role.OFFICER)
    client = client_of(app, console, "officer")
    console.database.close()
    for name in ("console.sqlite", "console.sqlite-wal", "console.sqlite-shm"):
        (tmp_path / name).unlink(missing_ok=True)
    answer = client.post("/screen/cases/1/step", json={"action": "confirm"})
    assert answer.status_code == 503
    assert "没有生效" in answer.json()["message"]


def test_a_fault_tells_nothing_of_the_inside(app: FastAPI, console: Console):
    answer = client_of(app, console).get("/setup/" + "x" * 3000)
    assert answer.status_code == 404
    assert "Traceback" not in answer.text
    too_large = client_of(app, console).post("/login", data={"username": "x" * 2_000_000, "password": "y"})
    assert too_large.status_code == 413


def test_scopes_and_roles_cover_each_other():
    assert set(SCOPE_ROLES) == set(Scope)
    assert settings_with().confirm_timeout_s == 60


def test_a_search_whose_reason_says_nothing_is_refused(app: FastAPI, console: Console):
    make_account(console, "officer", Role.OFFICER)
    client = client_of(app, console, "officer")
    reasons = ("   ", "\u200b\u2060", "……", "协查函12号")
    answers = [client.post("/screen/search", json={"text": "测A", "reason": reason}) for reason in reasons]
    assert [answer.status_code for answer in answers] == [422, 422, 422, 200]
    assert "原因" in answers[0].json()["message"]
