"""The rows under a header: which of them are records, and which are totals, signatures or a header printed again."""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence

from riskdb.record.mapping.forms import Form
from riskdb.record.mapping.plate_like import PLATE_LIKE, WHOLE_PLATES
from riskdb.record.tables.sheets import Notice, NumberedRow

_NAKED_PLATE = re.compile(r"[A-Za-z][A-Za-z0-9·•. -]{4,8}")
EXAMPLE = re.compile(
    r"[（(【\[]?\s*(?:(?:填写|填报|填表)?(?:示例|样例|样本|范例|模板)|范例|例如|例子|例|如|比如)(?=\d{0,2}$|\s*[:：]|[\u4e00-\u9fff]\s?[A-Za-z])"
)
_EXAMPLE_BEGINS = frozenset("示样范模填例如比（(【[")
_HINT = re.compile(
    r"[(（]?(?:[必选可]填项?|可选|非必填|可不填|文本(?:格式)?|日期(?:格式)?|数字)[)）]?|\*|[(（][^()（）]{1,12}[)）]"
)
_COUNTED = {tuple(numbers) for numbers in ("1234", "甲乙丙丁", "一二三四", "ABCD", "①②③④")}
"""How official forms number their columns, in a row below the header."""
_FOOTER = re.compile(
    r"(合\s*计|总\s*计|小\s*计|共\s*计|累\s*计|总数|共\s*\d|填报|填表|填\s*报\s*人|制\s*表|审\s*核|审\s*批|复\s*核|负责人|经办|联系人|联系电话"
    r"|单位|盖章|（盖章|\(盖章|报送|报出|上报|统计|备\s*注|注\s*[:：\d]|注意|说\s*明|填写|签\s*[字名发]|日期|第\s*\d+\s*页|本页|以上|以下|接收|打印"
    r"|total|sum\b|subtotal|page|prepared|signed|note|remark)",
    re.IGNORECASE,
)
_VOID = re.compile(
    r"\s*(?:已|均已|现已|系|属|予以)?(?:作废|误报|误录|错报|取消|撤销|撤回|撤控|删除|解除|解控|排除|剔除|核销|无效|失效|不列入)"
    r"(?:管控|布控|协查|风险|关注)?了?[。.]?\s*"
)
"""What a column of states or remarks says of a row that is not meant."""
_LONGEST_VOID = 12


class RowsBelow:
    """The rows of a sheet below a header; some can be given back."""

    def __init__(self, rows: Iterable[NumberedRow]) -> None:
        self._rows = iter(rows)
        self._given_back: list[NumberedRow] = []

    def __iter__(self) -> Iterator[NumberedRow]:
        return self

    def __next__(self) -> NumberedRow:
        return self._given_back.pop(0) if self._given_back else next(self._rows)

    def give_back(self, rows: Sequence[NumberedRow]) -> None:
        self._given_back += rows


def records(
    form: Form, rows: RowsBelow, keys: Sequence[int], notice: Notice, begins_table: Callable[[Sequence[str]], bool]
) -> Iterator[NumberedRow]:
    """Yield the rows that hold records, until a row `begins_table`; that one is given back.

    What is passed over is said. `keys` are the columns of plates.
    """
    first = next((place for place, cell in enumerate(form.headers) if cell), 0)
    header = [cell for cell in form.headers if cell]
    key = keys[0]
    for number, cells in rows:
        if len(cells) > key and PLATE_LIKE.match(cells[key]) and cells[first][:1] not in _EXAMPLE_BEGINS:
            yield number, cells
            continue
        texts = [cell.strip() for cell in cells if cell and not cell.isspace()]
        if not texts:
            continue
        if texts != header and begins_table(cells):
            rows.give_back([(number, cells)])
            return
        if why := why_no_record(texts, header, [cells[place] for place in keys if place < len(cells)]):
            notice(f"{form.place}：第 {number} 行{why}，没有读取")
        else:
            yield number, cells


def why_no_record(texts: list[str], header: list[str], plates: list[str]) -> str:
    """Return why a row is passed over, empty where it is a record. Quotes no name: signatures are people's."""
    if texts == header or (len(texts) > 2 and set(texts) <= set(header)):
        return "又是表头"
    if EXAMPLE.match(texts[0]) or any(map(EXAMPLE.match, plates)):
        return "是示例"
    if tuple(texts[:4]) in _COUNTED:
        return "是各列的编号"
    if all(map(_HINT.fullmatch, texts)) and not any(map(PLATE_LIKE.search, texts)):
        return "是填写要求"
    if any(PLATE_LIKE.search(text) for text in texts) or any(map(_is_naked_plate, plates)):
        return ""
    if found := _FOOTER.match(texts[0]):
        return f"（“{found[0]}”）不是记录"
    return "只有一格文字，不是记录" if len(set(texts)) == 1 else ""


def _is_naked_plate(cell: str) -> bool:
    """Whether a cell can be a plate that lost its province."""
    return any(map(str.isdigit, cell)) and _NAKED_PLATE.fullmatch(cell.strip()) is not None


def fault_of(form: Form, cells: Sequence[str], joined: str) -> str:
    """Return why a row cannot be right whatever its cells say, or empty."""
    if len(cells) > len(form.headers) and any(cell.strip() for cell in cells[len(form.headers) :]):
        return f"这一行有 {len(cells)} 格，表头只有 {len(form.headers)} 格；请检查是否多了分隔符"
    if "\0" in joined:
        return "这一行有不能识别的字节（空字符）；请重新录入这一行"
    if form.delimiter and "\n" in joined and any(_swallows(form, cell) for cell in cells):
        return "一格里有好几行记录；请检查引号是否没有成对"
    return ""


def unread_fault(form: Form, cells: Sequence[str]) -> str:
    """Return that a column which nobody reads holds a plate, or says that the row does not count; or empty."""
    for place in form.unread:
        if place >= len(cells) or not (cell := cells[place]):
            continue
        name = f"“{form.headers[place]}”列" if form.headers[place] else f"第 {place + 1} 列（没有列名）"
        if WHOLE_PLATES.fullmatch(cell):
            return f"{name}写着号牌，但没有读取；请把这些号牌各写一行，或指定略过这一列"
        if len(cell) <= _LONGEST_VOID and _VOID.fullmatch(cell):
            return f"{name}写着“{cell.strip()}”，不知道要不要列入；请删去这一行，要列入就清空这一格，或指定略过这一列"
    return ""


def _swallows(form: Form, cell: str) -> bool:
    """Whether a cell holds whole rows, because a quotation mark was left open."""
    lines = cell.split("\n")[1:]
    return any(line.count(form.delimiter) >= max(2, len(form.headers) // 2) for line in lines)
