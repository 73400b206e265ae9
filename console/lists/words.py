"""What goes wrong with the risk list, for a page: without the words of its server and without places of files."""

import re

_SERVER = re.compile("问不到 Redis|Redis 答非所问")


def file_words(problem: str) -> str:
    """Return why a file or the list could not be used, without the place where the console keeps its files."""
    if _SERVER.match(problem):
        return "名单服务（Redis）暂时连不上，请稍后再试"
    return re.sub(r"/\S*/", "", problem)
