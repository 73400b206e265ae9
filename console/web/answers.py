"""What the browser gets when something cannot be done: plain Chinese, as a page or as JSON."""

import logging
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from sqlalchemy.exc import DataError, SQLAlchemyError
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, RedirectResponse, Response

from console.people.throttle import TooManyTriesError
from console.types import CaseChangedError, ConsoleError, NotFoundError, StepRefusedError
from console.web.access import ForbiddenError, LoginNeededError
from console.web.rendering import page

_log = logging.getLogger(__name__)
_STATUS: dict[type[ConsoleError], int] = {
    LoginNeededError: 401,
    ForbiddenError: 403,
    NotFoundError: 404,
    CaseChangedError: 409,
    StepRefusedError: 422,
    TooManyTriesError: 429,
}
_FIELD_WORDS = {
    "note": "说明", "reason": "原因", "answer": "核查结果", "told": "情况说明", "reference": "事件单编号",
    "text": "内容", "username": "用户名", "display_name": "姓名", "scope": "辖区编码", "role": "角色",
    "password": "密码", "again": "再次输入的密码", "code": "动态验证码",
    "days": "有效天数", "name": "名称", "user": "应用里的用户编号",
    "scopes": "权限", "plate": "号牌", "since": "从", "until": "到", "photo": "照片",
    "checkpoint": "卡口", "source": "来源",
}  # fmt: skip
"""What the pages call the fields that people fill in."""
_UNSENT = "登录已过期，刚才填写的内容没有提交。请在新窗口重新登录，再用浏览器的“后退”回到填写的页面，重新提交。"
_SILENT_READ = "数据库没有回应，请稍后再试；几分钟不恢复，请管理员检查数据库。"
_SILENT_WRITE = "数据库没有回应，不知道操作有没有生效。填写的内容请保留，恢复后先看结果，再重试。"
_HTTP_WORDS = {
    404: "没有这个页面。",
    405: "这个地址不支持这种操作。",
    413: "上传的内容太大，没有保存。请减小后重试。",
}


def install(app: FastAPI) -> None:
    """Answer every error of ours, of the framework and of the database."""
    app.add_exception_handler(ConsoleError, _on_console_error)
    app.add_exception_handler(RequestValidationError, _on_bad_request)
    app.add_exception_handler(HTTPException, _on_http_error)
    app.add_exception_handler(DataError, _on_unstorable)
    app.add_exception_handler(SQLAlchemyError, _on_database_error)
    app.add_exception_handler(Exception, _on_fault)


def wants_page(request: Request) -> bool:
    """A person's browser asks for a page; scripts and programs ask for JSON."""
    return "text/html" in request.headers.get("accept", "")


def query_of(request: Request) -> str:
    return f"?{request.url.query}" if request.url.query else ""


def database_silent(request: Request) -> Response:
    """Return what is said while the database is frozen, and a request with it."""
    return _answer(request, 503, _SILENT_READ if request.method in ("GET", "HEAD") else _SILENT_WRITE)


def _answer(request: Request, status: int, message: str) -> Response:
    if wants_page(request):
        again = request.url.path + query_of(request) if status == 503 and request.method == "GET" else ""
        context = {"message": message, "status": status, "again": again}
        return page(request, "message.html", context, status_code=status)
    return JSONResponse({"message": message}, status)


def _on_console_error(request: Request, error: Exception) -> Response:
    status = next((_STATUS[kind] for kind in type(error).__mro__ if kind in _STATUS), 400)
    if status == 401 and wants_page(request):
        if request.method not in ("GET", "HEAD"):  # the log-in would lead to a page that is none, and say nothing of it
            return _answer(request, 401, _UNSENT)
        return RedirectResponse(f"/login?next={quote(request.url.path + query_of(request))}", 303)
    return _answer(request, status, str(error))


def _on_bad_request(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    faults = "、".join(sorted({_fault(problem) for problem in error.errors()}))
    return _answer(request, 422, f"提交的内容不完整或格式不对，没有保存：{faults}。请改正后重试。")


def _fault(problem: Mapping[str, Any]) -> str:
    name = str(problem["loc"][-1])
    words = _FIELD_WORDS.get(name, name)
    is_long = problem["type"] == "string_too_long"
    return f"{words}太长（最多 {problem['ctx']['max_length']} 字）" if is_long else words


def _on_http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return _answer(request, error.status_code, _HTTP_WORDS.get(error.status_code, "请求无法处理。"))


def _on_unstorable(request: Request, error: Exception) -> Response:  # noqa: ARG001  starlette gives both
    return _answer(request, 422, "填写的内容里有系统不能保存的字符，没有保存。请删去特殊字符后重试。")


def _on_database_error(request: Request, error: Exception) -> Response:
    _log.error("console: database: %s at %s", type(error).__name__, request.scope.get("route"))
    return _answer(request, 503, "数据库暂时不可用，您的操作没有生效。填写的内容请保留，稍后再试。")


def _on_fault(request: Request, error: Exception) -> Response:
    _log.error("console: fault at %s", request.url.path, exc_info=error)
    return _answer(request, 500, "系统出错，您的操作可能没有生效。请刷新后查看，再重试。")
