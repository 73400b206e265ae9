"""What FFmpeg, Redis and the system say of a fault, in words of the trade, and what to do about each."""

import re
from typing import NamedTuple


class Words(NamedTuple):
    """What a fault means and what to do."""

    says: str
    to_do: str


PASSWORD = "密码里的 @ : / # 要写成 %40 %3A %2F %23"
CAMERA = (
    ("401|[Uu]nauthorized", Words("账号或密码不对", f"核对 uri 里的账号密码；{PASSWORD}")),
    ("403|Forbidden", Words("账号没有看画面的权限", "在摄像机里给该账号预览权限")),
    ("404|Not Found", Words("没有这个路径", "核对 uri 中主机之后的部分：各厂家不同，见摄像机说明书")),
    ("Connection refused|连接被拒绝", Words("连接被拒绝", "核对 uri 里的 IP 和端口；在摄像机里启用 RTSP")),
    (
        "No route to host|unreachable|到不了",
        Words("到不了这个地址", "核对 IP、网线和供电，以及本机与摄像机是否同一网段"),
    ),
    ("timed? ?out|秒内没有画面|没有应答", Words("没有应答", "核对 IP、网线和供电；可用 ffprobe 试连")),
    ("No such file|没有这个文件", Words("没有这个文件", "核对 uri 中的路径")),
    ("Is a directory|是文件夹", Words("这是文件夹，里面没有图片", "核对 uri 中的路径")),
    ("Permission denied|没有权限", Words("没有读权限", "让服务的用户可以读取该文件")),
    ("Invalid data", Words("不是能解码的画面", "核对 uri：应指向视频流或录像文件")),
    (
        "5XX|Input/output error|读写出错",
        Words("接上后没有画面", "核对主机名（能否解析）、路径和 TLS；可用 ffprobe 试连"),
    ),
)
REDIS = (
    ("invalid username-password", Words("用户名或密码不对", f"核对 Redis 地址里的用户名和密码；{PASSWORD}")),
    (
        "HELLO must|[Aa]uthentication required|NOAUTH",
        Words("需要密码", "在 Redis 地址里写上 redis://用户名:密码@主机:端口/0"),
    ),
    ("no permissions to|No permissions", Words("用户权限不够", "按 docs/replica.md 补上该用户的 ACL")),
    ("Connection refused|连接被拒绝", Words("连接被拒绝", "启动 Redis；核对 redis_url 里的主机和端口")),
    ("Name or service|name resolution|主机名|域名服务器", Words("找不到这个主机名", "核对主机名和 DNS，或改用 IP")),
    (
        "timed? ?out|Timeout|没有应答",
        Words("没有应答", "核对主机、端口、防火墙，以及那一头是否为 TLS 端口（rediss://）"),
    ),
    ("Protocol error", Words("那一头不是 Redis", "核对主机和端口")),
    ("must specify one of the following schemes", Words("地址的写法不对", "以 redis://、rediss:// 或 unix:// 开头")),
    (
        "certificate verify failed|证书不被认可",
        Words("证书核对不过", "用 ssl_ca_certs 指明签发者；核对主机名和本机时钟"),
    ),
    ("LOADING", Words("正在装入数据", "稍候再试")),
    ("MASTERDOWN", Words("复制已中断，且不允许读旧数据", "设 replica-serve-stale-data yes（docs/replica.md）")),
    ("No space left|磁盘已满", Words("磁盘已满", "清理磁盘或扩容")),
    ("Read-only file system|磁盘只读", Words("磁盘只读", "检查磁盘：dmesg，fsck")),
)


def in_words(fault: str, known: tuple[tuple[str, Words], ...], to_do: str) -> Words:
    """Return what a fault is; one that nobody knows stays as it is said, with `to_do`."""
    found = next((words for pattern, words in known if re.search(pattern, fault)), None)
    if found is None or found.says in fault:
        return Words(fault, found.to_do if found else to_do)
    return Words(f"{found.says}（{fault}）", found.to_do)
