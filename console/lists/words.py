"""What goes wrong with the risk list, for a page: the list itself says it in Chinese, its server does not."""

import re

_CHINESE = re.compile(r"[\u4e00-\u9fff]")
_SERVER = re.compile(r"(the risk list in Redis cannot be asked|.*Redis).*", re.DOTALL)


def file_words(problem: str) -> str:
    """Return why a file or the list could not be used, without the place where the console keeps its files."""
    if _SERVER.fullmatch(problem):
        return "名单服务（Redis）暂时连不上，请稍后再试"
    if not _CHINESE.search(problem):
        return "名单服务出错，请通知运维在中心运行 kakou doctor"
    return re.sub(r"/\S*/", "", problem)
