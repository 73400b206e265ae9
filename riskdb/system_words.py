"""What the system, a SQLite file or a line says when it refuses, in Chinese.

Like `own_file`, it stands here because everything that opens files and lines stands on top of this package.
"""

import errno
import re
import socket
import sqlite3
import ssl
from collections.abc import Iterator

_SYSTEM = {
    errno.ENOENT: "没有这个文件或文件夹",
    errno.EACCES: "没有权限",
    errno.EPERM: "系统不允许",
    errno.EEXIST: "已经有一个同名的",
    errno.EISDIR: "这是文件夹，应为文件",
    errno.ENOTDIR: "上级不是文件夹",
    errno.ENOTEMPTY: "文件夹不是空的",
    errno.ENAMETOOLONG: "路径太长",
    errno.ELOOP: "链接绕成一圈",
    errno.EXDEV: "不在同一个磁盘上",
    errno.ESTALE: "网络文件夹断开了",
    errno.ENOSPC: "磁盘已满",
    errno.EDQUOT: "磁盘配额用尽",
    errno.EFBIG: "文件太大",
    errno.EROFS: "磁盘只读",
    errno.EIO: "读写出错",
    errno.EBUSY: "正被别的程序占用",
    errno.ETXTBSY: "正被别的程序占用",
    errno.ENODEV: "没有这个设备",
    errno.ENXIO: "没有这个设备",
    errno.ENOMEM: "内存不足",
    errno.EMFILE: "打开的文件太多",
    errno.ENFILE: "打开的文件太多",
    errno.ENOEXEC: "不是能运行的程序",
    errno.EINVAL: "系统不接受",
    errno.EPIPE: "对方已断开",
    errno.ECONNRESET: "对方已断开",
    errno.ECONNABORTED: "对方已断开",
    errno.ECONNREFUSED: "连接被拒绝",
    errno.EHOSTUNREACH: "到不了这个地址",
    errno.ENETUNREACH: "到不了这个地址",
    errno.ETIMEDOUT: "没有应答",
    errno.EADDRINUSE: "端口已被占用",
    errno.EADDRNOTAVAIL: "这个地址不在本机",
}
_SQLITE = {
    sqlite3.SQLITE_CANTOPEN: "打不开",
    sqlite3.SQLITE_PERM: "没有权限",
    sqlite3.SQLITE_READONLY: "没有写权限",
    sqlite3.SQLITE_FULL: "磁盘已满",
    sqlite3.SQLITE_IOERR: "读写出错",
    sqlite3.SQLITE_BUSY: "正被别的进程占用",
    sqlite3.SQLITE_LOCKED: "正被别的进程占用",
    sqlite3.SQLITE_CORRUPT: "文件损坏",
    sqlite3.SQLITE_NOTADB: "不是数据库文件",
    sqlite3.SQLITE_NOMEM: "内存不足",
}
_CERTIFICATE = {
    9: "尚未生效，或本机时钟不对",
    10: "已过期，或本机时钟不对",
    18: "自签名",
    19: "自签名",
    20: "不认识签发者",
    21: "不认识签发者",
    62: "与主机名不符",
    64: "与地址不符",
}
"""Numbers of OpenSSL (X509_V_ERR_..., x509_vfy.h)."""
_HAN = re.compile("[\u4e00-\u9fff]")


def system_words(error: BaseException, otherwise: str | None = None) -> str:
    """Return why something was refused; `otherwise`, else the error's own text, where no number tells it."""
    known = next((said for one in _with_causes(error) if (said := _said(one))), None)
    return known or (str(error) if otherwise is None else otherwise)


def _with_causes(error: BaseException | None) -> Iterator[BaseException]:
    """A client's error is often only its text; what the system said stands behind it."""
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _said(error: BaseException) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"证书不被认可（{_CERTIFICATE.get(error.verify_code, f'OpenSSL {error.verify_code}')}）"
    if isinstance(error, ssl.SSLError):
        return f"TLS 不成（{error.reason or type(error).__name__}）"
    if isinstance(error, socket.gaierror):
        return "域名服务器没有应答" if error.errno == socket.EAI_AGAIN else "找不到这个主机名"
    if isinstance(error, OSError):
        return _of_the_system(error)
    if isinstance(error, sqlite3.Error):
        return _SQLITE.get(getattr(error, "sqlite_errorcode", 0) & 0xFF, "")
    if isinstance(error, UnicodeDecodeError):
        return f"不是 {error.encoding.upper()} 文字"
    return str(error) if _HAN.search(str(error)) else ""  # one of ours has its words


def _of_the_system(error: OSError) -> str:
    if error.strerror and _HAN.search(error.strerror):  # of our own making
        return error.strerror
    if error.errno:
        return _SYSTEM.get(error.errno) or f"系统错误 {errno.errorcode.get(error.errno, error.errno)}"
    return "没有应答" if isinstance(error, TimeoutError) else ""
