"""What the system says when it refuses reaches a person in Chinese."""

import ast
import errno
import os
import re
import socket
import sqlite3
import ssl
from pathlib import Path

import pytest
import redis

from riskdb.own_file import OddFileError
from riskdb.system_words import system_words
from tests.code_kit import nodes_of, sources

PACKAGES = ("ocr", "riskdb", "alerts", "pipeline", "console", "kakou")
SYSTEM = {"OSError", "PermissionError", "FileNotFoundError", "SSLError", "SSLCertVerificationError", "gaierror"}
HOME = ("riskdb/system_words.py", "riskdb/own_file.py")
CALLERS_OWN = {
    "ocr/images.py": "what a picture's decoder says",
    "riskdb/record/tables/books.py": "looked into, not shown",
    "kakou/installing/slim.py": "for whoever makes the bundle",
}


def test_every_number_of_the_system_is_told_without_english():
    told = [system_words(OSError(number, os.strerror(number), "/state/x")) for number in errno.errorcode]
    assert [said for said in told if re.search("[a-z]{3}", said) or not re.search("[\u4e00-\u9fff]", said)] == []


def test_a_file_that_is_not_there_a_folder_and_one_that_may_not_be_read_are_told_apart(tmp_path: Path):
    told = set()
    for path in (tmp_path / "none", tmp_path, tmp_path / "none" / "x"):
        with pytest.raises((FileNotFoundError, IsADirectoryError)) as refused:
            path.open()
        told.add(system_words(refused.value))
    assert told == {"没有这个文件或文件夹", "这是文件夹，应为文件"}
    assert system_words(PermissionError(errno.EACCES, "Permission denied")) == "没有权限"


def test_words_of_our_own_stay():
    assert system_words(OddFileError("x 应为文件夹，现在是文件：移走它")) == "x 应为文件夹，现在是文件：移走它"
    assert system_words(OSError(errno.ENOSPC, "磁盘快满了")) == "磁盘快满了"
    ours = ValueError("读不了，核对路径")
    ours.__cause__ = PermissionError(errno.EACCES, "Permission denied")
    assert system_words(ours) == "读不了，核对路径"


def test_a_server_that_is_away_is_told_by_what_the_system_said_of_it():
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        port = nobody.getsockname()[1]
        with pytest.raises(redis.ConnectionError) as refused:
            redis.Redis(port=port).ping()
    assert system_words(refused.value) == "连接被拒绝"


def test_a_host_without_an_address_is_told():
    assert system_words(socket.gaierror(socket.EAI_NONAME, "Name or service not known")) == "找不到这个主机名"
    assert system_words(socket.gaierror(socket.EAI_AGAIN, "Temporary failure")) == "域名服务器没有应答"


def test_a_database_that_refuses_is_told(tmp_path: Path):
    told = []
    (tmp_path / "x.sqlite").write_bytes(b"no database" * 1000)
    for path in (tmp_path, tmp_path / "x.sqlite"):
        with pytest.raises(sqlite3.Error) as refused, sqlite3.connect(path) as connection:
            connection.execute("SELECT * FROM sqlite_master")
        told.append(system_words(refused.value))
    assert told == ["打不开", "不是数据库文件"]


def test_a_file_in_another_writing_and_a_certificate_are_told(tmp_path: Path):
    with pytest.raises(UnicodeDecodeError) as refused:
        b"\xff".decode("utf-8")
    assert system_words(refused.value) == "不是 UTF-8 文字"
    pem = tmp_path / "x.pem"
    pem.write_text("no certificate")
    with pytest.raises(ssl.SSLError) as untold:
        ssl.create_default_context(cafile=str(pem))
    assert system_words(untold.value).startswith("TLS 不成")


def test_no_error_of_the_system_is_shown_in_its_own_words():
    """A log line may have them: it is English."""
    found = [
        f"{path}:{line}"
        for path, source in sources(*PACKAGES)
        if path not in {*HOME, *CALLERS_OWN}
        for line in shown_raw(source)
    ]
    assert found == []


def test_a_raw_error_would_be_seen():
    tried = "try:\n    x()\nexcept OSError as error:\n    {}"
    for line in ('raise E(f"读不了（{error}）")', "raise E(error.strerror)", "say(str(error))"):
        assert shown_raw(tried.format(line)) == [4]
    for line in ('log.error("no: %s", error)', 'raise E(f"读不了（{system_words(error)}）") from error'):
        assert shown_raw(tried.format(line)) == []
    assert shown_raw("try:\n    x()\nexcept (ValueError, OSError) as error:\n    say(str(error))") == [4]
    assert shown_raw("try:\n    x()\nexcept ValueError as error:\n    say(str(error))") == []


def shown_raw(source: str) -> list[int]:
    """Return the lines on which an error of the system is put into a text as it is, but for log lines."""
    handlers = [node for node in nodes_of(source) if isinstance(node, ast.ExceptHandler) and node.name]
    return sorted(
        {
            node.lineno
            for handler in handlers
            if names_in(handler.type) & SYSTEM
            for node in nodes_outside_logs(handler)
            if isinstance(node, ast.expr) and is_raw(node, handler.name or "")
        }
    )


def names_in(kinds: ast.expr | None) -> set[str]:
    return {ast.unparse(node).rsplit(".", 1)[-1] for node in ast.walk(kinds)} if kinds else set()


def nodes_outside_logs(node: ast.AST) -> list[ast.AST]:
    """Return all nodes below, without the calls of a logger."""
    if isinstance(node, ast.Call) and ast.unparse(node.func).startswith("log."):
        return []
    return [node, *(one for child in ast.iter_child_nodes(node) for one in nodes_outside_logs(child))]


def is_raw(node: ast.AST, error: str) -> bool:
    if isinstance(node, ast.FormattedValue):
        return ast.unparse(node.value) == error
    if isinstance(node, ast.Call):
        return ast.unparse(node) == f"str({error})"
    return isinstance(node, ast.Attribute) and ast.unparse(node) in (f"{error}.strerror", f"{error}.args")
