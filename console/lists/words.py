"""What is wrong with a file of travel records, in Chinese: the risk list itself speaks English, to the command line."""

import re

_COLUMNS = {"plate": "号牌", "plate_class": "号牌种类", "area": "地区", "from": "开始", "to": "结束", "source": "来源"}
_ROW_WORDS = [
    (r"is missing.*", "没有填写"),
    (r"(.+) is before from: (.+)", r"\1 早于开始时间 \2"),
    (r"'(.*)' is not a time; write .*", r"“\1”不是时间，请写成 2026-11-24 或 2026-11-24 08:30"),
    (r"the year (\d+) is impossible", r"年份 \1 不可能"),
    (r"(.+) lies in the future", r"\1 在将来"),
    (r"(.+) does not go with plate (.+) \(possible: (.*)\)", r"\1 与号牌 \2 不符（可以是 \3）"),
    (r"area code '(.*)' is not made of digits", r"“\1”不是数字编码"),
    (r"area code (\d+) has (\d+) digits, known codes have (.+)", r"编码 \1 有 \2 位，应为 \3 位"),
    (r"area code (\d+) lies in no known province .*", r"编码 \1 不属于任何省份"),
    (r"the plate is empty", "没有填写"),
    (r"a plate has 7 or 8 characters, this has (\d+)", r"号牌应有 7 或 8 个字符，这里有 \1 个"),
    (r"no plate carries the character '(.+)'", r"号牌上没有“\1”这个字符"),
    (r"its characters are in an order that no known plate form has", "字符的顺序不是任何一种号牌"),
    (r"the row has (\d+) cells, the header (\d+)", r"这一行有 \1 格，表头只有 \2 格"),
    (r"the row holds a NUL byte", "这一行有不能识别的字节"),
    (r"the stay ended before the look-back", "行程早于回溯期"),
    (r"the same stay is known with another end; both count", "已有同一行程，结束时间不同；两条都计"),
]
_FILE_WORDS = [
    (r"unknown column '(.*)'; known: (.*)", r"不认识列“\1”；可用的列：\2"),
    (r"column '(.*)' is missing; .*", r"缺少列“\1”；第一行必须是列名"),
    (r"column '(.*)' stands there twice", r"列“\1”出现了两次"),
    (r"line (\d+): .*", r"第 \1 行无法读取"),
    (r"neither UTF-8 nor GB18030; .*", "文字编码既不是 UTF-8 也不是 GB18030，请另存后再上传"),
    (r"unpacks to more than .*", "文件解开后太大，请拆分后再上传"),
    (r"not a readable XLSX file.*", "不是可以读取的 XLSX 文件，请用表格软件另存后再上传"),
    (r"(the risk list in Redis cannot be asked|.*Redis).*", "名单服务（Redis）暂时连不上，请稍后再试"),
]


def row_words(detail: str) -> str:
    """Return what is wrong with a row, naming its cell; the detail itself where it is not a known one."""
    column, colon, rest = detail.partition(": ")
    if colon and column in _COLUMNS:
        return f"{_COLUMNS[column]}：{_translated(rest, _ROW_WORDS)}"
    return _translated(detail, _ROW_WORDS)


def file_words(problem: str) -> str:
    """Return why a file or the list itself could not be used, without the path where the console keeps the file."""
    return _translated(re.sub(r"^/\S*?\.(csv|xlsx|txt): ", "", problem), _FILE_WORDS)


def _translated(text: str, table: list[tuple[str, str]]) -> str:
    for pattern, words in table:
        if found := re.fullmatch(pattern, text, re.DOTALL):
            return found.expand(words)
    return text
