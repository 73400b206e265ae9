"""The application: what is served, and the work behind it."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

from fastapi import FastAPI
from starlette.middleware.gzip import GZipMiddleware
from starlette.staticfiles import StaticFiles

from console.background import Background
from console.parts import Console
from console.web import (
    accounts,
    answers,
    api,
    areas,
    audit_log,
    entry,
    feed,
    links,
    list_columns,
    lists,
    notices,
    objections,
    overview,
    own_account,
    phone,
    pictures,
    proposals,
    reports,
    screen,
    stream,
)
from console.web.headers import SecurityHeaders
from console.web.patience import DatabasePatience
from console.web.rendering import STATIC_FOLDER, build_environment

_MAX_BODY_BYTES = 1024 * 1024
"""Uploads have limits of their own."""


def create_app(console: Console) -> FastAPI:
    """Return the console as an ASGI application; its lifespan runs the background work."""
    app = FastAPI(
        title="卡口 控制台",
        version="1",
        description="事件单、统计和名单导入的接口。没有任何接口接受号牌并返回行踪。",
        lifespan=_lifespan,
        docs_url=None,
        redoc_url=None,
        openapi_url="/api/openapi.json",
        max_body_size=_MAX_BODY_BYTES,
        telemetry={"tracing": False, "metrics": False, "logs": False, "auto_configure": False},
    )
    app.state.console = console
    app.state.templates = build_environment()
    answers.install(app)
    for part in (
        entry,
        links,
        screen,
        stream,
        phone,
        pictures,
        overview,
        reports,
        audit_log,
        accounts,
        own_account,
        lists,
        list_columns,
        areas,
        notices,
        feed,
        objections,
        proposals,
        api,
    ):
        app.include_router(part.router)
    app.mount("/static", StaticFiles(directory=STATIC_FOLDER), name="static")
    # Not the stream (each message must go out at once) and not pictures: Starlette leaves both as they are.
    app.add_middleware(GZipMiddleware, minimum_size=1024, compresslevel=5)
    if console.database.is_shared:
        app.add_middleware(DatabasePatience, pulse=console.pulse, answer=answers.database_silent)
    app.add_middleware(SecurityHeaders)
    return app


@contextlib.asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    console = app.state.console
    assert isinstance(console, Console)
    background = Background(console)
    sending = asyncio.create_task(console.hub.run())
    await asyncio.to_thread(console.boxes.refresh)
    background.start()
    try:
        yield
    finally:
        await asyncio.to_thread(background.stop)
        sending.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await sending
