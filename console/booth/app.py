"""The booth page as an ASGI application: pairing, the page, its stream, its pictures, and one tap."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Annotated

from jinja2 import Environment
from pydantic import BaseModel, ConfigDict, StringConstraints, ValidationError
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response, StreamingResponse
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from alerts.handled import RESULT_WORDS, BoothResult
from console.booth.board import BoothBoard, Sight
from console.booth.devices import Device, Devices
from console.booth.handling import Handling
from console.booth.pages import BoothPages
from console.types import ConsoleError, NotFoundError
from console.web.headers import SecurityHeaders
from console.web.origin import origin_fault
from console.web.plain import plain_environment

COOKIE = "__Host-kakou-booth"
_KEPT_S = 400 * 86400
"""Browsers keep no cookie for longer."""
_FOLDER = Path(__file__).parents[1]
_NOT_PAIRED = "这台设备没有配对，或已停用。请在盒子上执行 kakou booth pair，用这台设备扫描二维码。"
_MAX_BODY_BYTES = 4096


class TapBody(BaseModel):
    """One tap."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    result: BoothResult
    who: Annotated[str, StringConstraints(max_length=20, strip_whitespace=True)] = ""
    """Who stands at the booth, as they call themselves."""


@dataclass(frozen=True, slots=True)
class Booth:
    """Everything that the endpoints use."""

    devices: Devices
    board: BoothBoard
    pages: BoothPages
    handling: Handling
    now: Callable[[], datetime]
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    """Two taps on one vehicle: the first is written, the second is told."""


def create_booth_app(booth: Booth) -> Starlette:
    """Return the application; its lifespan keeps the pages up to date."""
    app = Starlette(
        routes=[
            Route("/", _page),
            Route("/pair/{link}", _pairing_page),
            Route("/pair/{link}", _pair, methods=["POST"]),
            Route("/stream", _stream),
            Route("/sights/{number:int}/{kind}.jpg", _picture),
            Route("/sights/{number:int}/handled", _handled, methods=["POST"]),
            Mount("/static", StaticFiles(directory=_FOLDER / "static")),
        ],
        middleware=[Middleware(SecurityHeaders)],
        exception_handlers={ConsoleError: _on_refusal, HTTPException: _on_http_error},
        lifespan=_lifespan,
    )
    app.state.booth = booth
    app.state.templates = plain_environment(_FOLDER / "templates")
    return app


@contextlib.asynccontextmanager
async def _lifespan(app: Starlette) -> AsyncIterator[None]:
    running = asyncio.create_task(_booth(app).pages.run())
    try:
        yield
    finally:
        running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await running


def _page(request: Request) -> Response:
    device = _device(request)
    return _rendered(request, "booth.html", {"device": device, "results": RESULT_WORDS})


def _pairing_page(request: Request) -> Response:
    """A button: a mail program or a chat that looks at the link must not use it up."""
    try:
        device = _booth(request.app).devices.invited(request.path_params["link"])
    except ConsoleError:
        if not _is_paired(request):
            raise
        return RedirectResponse("/", 303)  # the back button on a tablet that is paired: its page is the next one
    return _rendered(request, "booth_pair.html", {"device": device})


async def _pair(request: Request) -> Response:
    _check_origin(request)
    token = _booth(request.app).devices.pair(request.path_params["link"])
    response = RedirectResponse("/", 303)
    response.set_cookie(COOKIE, token, max_age=_KEPT_S, path="/", secure=True, httponly=True, samesite="strict")
    return response


async def _stream(request: Request) -> Response:
    """Events: `all` (what is shown now), `sight`, `gone`, `state`."""
    device = _device(request)
    messages = _booth(request.app).pages.messages(device, request.cookies[COOKIE])
    return StreamingResponse(messages, media_type="text/event-stream", headers={"x-accel-buffering": "no"})


async def _picture(request: Request) -> Response:
    sight = _sight(request)
    picture = sight.plate if request.path_params["kind"] == "plate" else sight.vehicle
    if not picture:
        raise NotFoundError("没有这张图片。")
    return Response(picture, media_type="image/jpeg")


async def _handled(request: Request) -> Response:
    """Note what was done, once, for every open flag of the same vehicle here; it is on disk when this answers."""
    _check_origin(request)
    device, sight, booth = _device(request), _sight(request), _booth(request.app)
    tap = await _tap(request)
    async with booth.turn:
        sight = booth.board.find(device, sight.number) or sight
        if sight.result not in (None, tap.result):
            raise ConsoleError(f"这辆车已经处置：{RESULT_WORDS[sight.result]}。这一次没有记下。")
        if sight.result is None:
            await _keep(booth, sight, tap.result, f"{device.name} {tap.who}".strip())
    return JSONResponse({"result": tap.result})


async def _keep(booth: Booth, sight: Sight, result: BoothResult, by: str) -> None:
    sights = booth.board.same_vehicle(sight)
    events = [one.passage.event for one in sights if one.passage.event is not None]
    if not events:
        raise ConsoleError("这辆车没有预警，不需要处置。")
    await asyncio.to_thread(booth.handling.keep, events, result, by, booth.now())
    for closed in booth.board.close(sights, result):
        booth.pages.tell(closed)


async def _tap(request: Request) -> TapBody:
    body = await request.body()
    try:
        return TapBody.model_validate_json(body[:_MAX_BODY_BYTES])
    except ValidationError as error:
        raise ConsoleError("提交的内容不完整或格式不对，没有记下。请刷新页面后再按一次。") from error


def _booth(app: Starlette) -> Booth:
    booth = app.state.booth
    assert isinstance(booth, Booth)
    return booth


def _device(request: Request) -> Device:
    """Return the device that asks. Raises HTTPException for one that was never paired, or was taken off."""
    token = request.cookies.get(COOKIE)
    device = _booth(request.app).devices.find(token) if token else None
    if device is None:
        raise HTTPException(401, _NOT_PAIRED)
    return device


def _is_paired(request: Request) -> bool:
    token = request.cookies.get(COOKIE)
    return token is not None and _booth(request.app).devices.find(token) is not None


def _sight(request: Request) -> Sight:
    sight = _booth(request.app).board.find(_device(request), request.path_params["number"])
    if sight is None:
        raise NotFoundError("这辆车已不在本页：已转值班台，或已过三分钟。")
    return sight


def _check_origin(request: Request) -> None:
    if fault := origin_fault(request.headers):
        raise HTTPException(403, fault)


def _on_refusal(request: Request, error: Exception) -> Response:
    return _answer(request, 404 if isinstance(error, NotFoundError) else 400, str(error))


def _on_http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    said = error.detail if error.status_code in (401, 403) else "没有这个页面。"
    return _answer(request, error.status_code, said)


def _answer(request: Request, status: int, message: str) -> Response:
    if "text/html" in request.headers.get("accept", ""):
        return _rendered(request, "booth_message.html", {"message": message}, status)
    return JSONResponse({"message": message}, status)


def _rendered(request: Request, template: str, context: dict[str, object], status: int = 200) -> Response:
    environment = request.app.state.templates
    assert isinstance(environment, Environment)
    return HTMLResponse(environment.get_template(template).render(context), status)
