"""Plates as people write them in a cell: 鲁B·12345（黄）, two at once, with look-alike letters of other alphabets."""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, replace

from riskdb.record.values.classes import known_words
from riskdb.record.values.problem import PEOPLE, CellProblem
from riskdb.record.values.provinces import with_character
from riskdb.types import PlateGrammar

_LOOKALIKES = str.maketrans("АВЕКМНОРСТУХаеорсухΑΒΕΖΗΙΚΜΝΟΡΤΥΧ〇○◯", "ABEKMHOPCTYXAEOPCYXABEZHIKMNOPTYX000")
"""Letters of the Cyrillic and Greek alphabets, and circles, that look like what a plate carries."""
_OLD_STYLE = str.maketrans("魯蘇滬貴遼晉陝瓊雲寧閩贛粵學掛領", "鲁苏沪贵辽晋陕琼云宁闽赣粤学挂领")
_LABEL = re.compile(
    r"^\s*(?:主车|牵引车|车头|挂车|车辆|机动车|汽车|[车主头挂](?=[:：]))?(?:车牌号码?|号牌号码?|车牌|号牌|车号|牌照号?|牌号|plate)?\s*"
    r"(?:[:：]\s*|(?<=[车牌号码头照])(?=[\u4e00-\u9fff][A-Z]))",
    re.I,
)
_BRACKETS = re.compile(r"[(\[【〔{<](.*?)[)\]】〕}>]")
_COLOUR_SUFFIX = re.compile(r"(黄绿双拼|渐变绿|黄绿|蓝色|黄色|绿色|白色|黑色|[蓝黄绿白黑]牌?|新能源车?)牌?$")
_STRONG = re.compile(
    r"[、,，;；/／|丨‖∣\\\n\r+&]+|(?<=[A-Z0-9挂学警港澳领])\s*[.。]\s*(?=[\u4e00-\u9fff][A-Z])|(?<=[A-Z0-9挂学警港澳领])(?:和|及|与)|(?<=[A-Z0-9挂学警港澳领])\s+AND\s+"
)
_COLOUR_PREFIX = re.compile(r"^(黄绿|渐变绿|[蓝黄绿白黑])色?(?:号?牌)?(?=[\u4e00-\u9fff][A-Z])")
_QUOTES = str.maketrans(
    {
        **dict.fromkeys('“”‘’"「」『』《》'),
        **dict.fromkeys("—–−‐‑", "-"),
        **dict.fromkeys("˙⋅‧∙●•", "·"),
        **dict.fromkeys("①②③④⑤⑥⑦⑧⑨⑩", "、"),
    }
)
"""Quotation marks go, dashes of any length are one, and a number in a circle begins the next plate."""
_NUMBERED = re.compile(r"(?:(?:^|[\s,;、])\(?\d{1,2}[、.)]|\(\d{1,2}\))\s*(?=[\u4e00-\u9fff][A-Z])")
_GLUED = re.compile(
    r"(?:(?<=[A-Z0-9]{4})|(?<=[A-Z0-9]{4}[挂学警港澳]))"
    r"(?=[京津冀晋蒙辽吉黑沪苏浙皖闽赣鲁豫鄂湘粤桂琼渝川贵云藏陕甘青宁新][A-Z])"
)
"""Where the next plate begins without anything between."""
_TRACTOR_AND_TRAILER = re.compile(r"(?<=[A-Z0-9])\s*-+\s*(?=[\u4e00-\u9fff][A-Z][\s·.]*[A-Z0-9]{4}挂$)")
"""A dash between two plates may mean all between them, but not where the second is a trailer's."""
_PLATE_WITHIN = re.compile(r"[\u4e00-\u9fff][A-Z][\s·•.\-]*[A-Z0-9]{4,6}")
_EDGES = " \t\n、,;#~●★☆√✓✔◆■▲※►"
"""What lists put before a plate, or leave behind it."""
_BEHIND = re.compile(r"(?<=[A-Z0-9挂学警港澳领])[\s\-]+([\u4e00-\u9fff]{2,8})$")
_DOUBT = re.compile(r"作废|核销|无效|失效|误|错|取消|删|排除|解除|撤|不是|并非|非本|更正|待查|不详")
"""Words beside a plate after which nobody knows whether its vehicle is meant."""
_MORE = re.compile(r"[等余另和及与或至到辆台两多]")
"""Words that may speak of further vehicles."""
_SLIP = re.compile(r"(?<=[\u4e00-\u9fff][A-Z])\s*[:,]\s*(?=[A-Z0-9]{4,6}(?![A-Z0-9]))|(?<=[A-Z0-9]{5})\.0$")
"""A mark in place of the dot, and what a spreadsheet puts behind what it took for a number."""
_ERRORS = frozenset({"#N/A", "#REF!", "#VALUE!", "#NAME?", "#DIV/0!", "#NULL!", "#NUM!"})
_NO_TRAILER = frozenset({"无", "无挂", "无挂车"})
_WITHOUT_PLATE = re.compile(r"无(?:号牌|车牌|牌)|未上牌|没有?(?:号牌|车牌|牌)")
_COUNT = re.compile(r"[(\s]*(?:等|共计?|合?计)*\s*(\d{1,2}|[一二两三四五六七八九十])\s*[辆台](?:车辆?)?[)\s]*$")
_FIGURES = "零一二三四五六七八九十"
_WORD = re.compile(r"(?![挂学警港澳领])[\u4e00-\u9fff]+")
_GLUED_WORDS = frozenset({"车", "号", "牌", "车牌", "号牌", "车辆", "号车"})
_PROBE = "鲁"
"""A province that stands for a missing one."""


@dataclass(frozen=True, slots=True)
class WrittenPlate:
    """One plate of a cell."""

    text: str
    class_words: tuple[str, ...] = ()
    """What stood beside it: 黄, 蓝牌, 挂."""


def read_plates(cell: str, grammar: PlateGrammar, class_words: Sequence[str]) -> tuple[WrittenPlate, ...]:
    """Return the plates of a cell, in order. `class_words` is what the row says of the class. Raises CellProblem."""
    if not cell.strip():
        raise CellProblem("号牌", "", "没有填写（公式出错的格也是空的）", "请补上号牌，或删去这一行")
    if cell.strip() in _ERRORS:
        raise CellProblem("号牌", cell, "是公式的错误值", "请补上号牌，或删去这一行")
    plain = clean(cell)
    if found := _COUNT.search(plain):
        return _counted(plain[: found.start()], found[1], grammar, class_words, cell)
    return _plates_of(plain, grammar, class_words, cell)


def _counted(
    plain: str, count: str, grammar: PlateGrammar, class_words: Sequence[str], cell: str
) -> tuple[WrittenPlate, ...]:
    """Return the plates of a cell that says how many they are: 豫C8K213、豫C8K214等2辆. Raises CellProblem."""
    plates = _plates_of(plain.rstrip("、,; "), grammar, class_words, cell)
    said = int(count) if count.isdigit() else _FIGURES.index(count.replace("两", "二"))
    if said != len(plates):
        raise CellProblem("号牌", cell, f"写着 {said} 辆，这一格只有 {len(plates)} 个号牌", "请写出每一辆的号牌")
    return plates


def _plates_of(plain: str, grammar: PlateGrammar, class_words: Sequence[str], cell: str) -> tuple[WrittenPlate, ...]:
    if whole := _one_plate(plain, grammar, class_words, cell):
        return (whole,)
    parts = [part for part in _STRONG.split(plain) if part.strip()]
    if len(parts) > 1:
        found: list[WrittenPlate] = []
        for part in parts:
            if found and part.strip() in _NO_TRAILER:
                continue
            if found and _WITHOUT_PLATE.match(part.strip()):
                raise CellProblem(
                    "号牌", cell, f"“{part.strip()}”没有正式号牌，不能列入名单", "请从这一格删去，或补上号牌"
                )
            if found and known_words((part.strip(),)):
                found[-1] = replace(found[-1], class_words=(*found[-1].class_words, part.strip()))
            else:
                found += _some_plates(part, grammar, class_words, cell)
        return tuple(dict.fromkeys(found))
    return _beside(plain, grammar, class_words, cell) or _refuse(cell, plain, grammar)


def clean(cell: str) -> str:
    """Return a cell without marks that nobody sees, in one alphabet, one width, one style of character."""
    _refuse_small_l(cell)
    plain = unicodedata.normalize("NFKC", cell.translate(_LOOKALIKES).translate(_QUOTES)).translate(_OLD_STYLE)
    # Marks that turn the direction of text are no slip of a spreadsheet: they stay and are refused.
    shown = "".join(c for c in plain if unicodedata.category(c) != "Cf" or c in "\u202d\u202e")
    without_people = PEOPLE.sub("", shown.upper()).rstrip(_EDGES + "/")
    parted = _GLUED.sub("、", _NUMBERED.sub("、", _SLIP.sub("", without_people)))
    return with_character(_LABEL.sub("", _TRACTOR_AND_TRAILER.sub("、", parted.strip(_EDGES))).strip())


def _refuse_small_l(cell: str) -> None:
    letters = [c for c in cell if c.isascii() and c.isalpha()]
    if "l" in letters and all(c.isupper() for c in letters if c != "l") and len(letters) > letters.count("l"):
        raise CellProblem("号牌", cell, "小写 l 可能是数字 1，也可能是字母 L", "请用大写字母重新填写")


def _one_plate(plain: str, grammar: PlateGrammar, words: Sequence[str], cell: str) -> WrittenPlate | None:
    """Return the plate that a text is, with what stands in brackets or behind it; None where it is not one plate."""
    beside = tuple(found.strip() for found in _BRACKETS.findall(plain))
    bare = _BRACKETS.sub("", plain).strip(" .。")
    if any(_is_plate(word, grammar) or _PLATE_WITHIN.search(word) for word in beside):
        return None
    beside = tuple(word for word in beside if not re.fullmatch(r"\d", word))  # (1) is a note's number, no class
    text = _normalised(bare, grammar)
    if text is None and (found := _COLOUR_PREFIX.match(bare)):
        beside, text = (*beside, found[0]), _normalised(bare[found.end() :], grammar)
    if text is None and (found := _COLOUR_SUFFIX.search(bare)):
        beside, text = (*beside, found[0]), _normalised(bare[: found.start()], grammar)
    if text is None and (found := _BEHIND.search(bare)) and not _MORE.search(found[1]):
        beside, text = (*beside, found[1]), _normalised(bare[: found.start()], grammar)
    if text is None and (behind := _glued_word(bare, grammar)):
        beside, text = (*beside, behind), _normalised(bare[: -len(behind)], grammar)
    if text is None:
        return None
    if doubt := next(filter(_DOUBT.search, beside), ""):
        raise CellProblem("号牌", cell, f"旁边写着“{doubt}”，不知道要不要列入", "请删去这一行；要列入就删去这几个字")
    _refuse_missing_province(text, grammar, (*words, *beside), cell)
    return WrittenPlate(text, tuple(word for word in beside if word))


def _glued_word(bare: str, grammar: PlateGrammar) -> str:
    """Return the word for a vehicle that stands behind a plate without a blank: 豫C8K213小轿车; empty where none."""
    for length in range(1, min(7, len(bare) - 5)):
        word = bare[-length:]
        if (
            _WORD.fullmatch(word)
            and "的" not in word
            and (word in _GLUED_WORDS or known_words((word,)))
            and _normalised(bare[:-length], grammar)
        ):
            return word
    return ""


def _normalised(text: str, grammar: PlateGrammar) -> str | None:
    try:
        return grammar.normalise(text.replace("'", "").replace("*", ""))
    except ValueError:
        return None


def _is_plate(text: str, grammar: PlateGrammar) -> bool:
    return _normalised(_LABEL.sub("", text), grammar) is not None


def _refuse_missing_province(text: str, grammar: PlateGrammar, words: Sequence[str], cell: str) -> None:
    """BD12345 is the form of a military plate, and what is left of 鲁BD12345 without its province."""
    if not text.isascii() or text.startswith("WJ") or any("军" in word or word.strip() == "32" for word in words):
        return
    if _normalised(_PROBE + text, grammar) is not None:
        raise CellProblem(
            "号牌", cell, "缺少省份简称，也可能是军车号牌", "请补上省份简称；军车请在号牌种类一列写“军队车辆”"
        )


def _beside(plain: str, grammar: PlateGrammar, words: Sequence[str], cell: str) -> tuple[WrittenPlate, ...]:
    """Return plates that only blanks or brackets part; empty where some of the text is no plate."""
    texts = [text for text in re.split(r"[()\[\]【】]|\s+", plain) if text]
    plates: list[WrittenPlate] = []
    start = 0
    while start < len(texts):
        for end in range(min(start + 4, len(texts)), start, -1):
            joined = _LABEL.sub("", "".join(texts[start:end]))
            if plate := _one_plate(joined, grammar, words, cell):
                plates.append(plate)
                start = end
                break
        else:
            if not plates or not known_words((texts[start],)):
                return ()
            plates[-1] = replace(plates[-1], class_words=(*plates[-1].class_words, texts[start]))
            start += 1
    return tuple(plates)


def _some_plates(part: str, grammar: PlateGrammar, words: Sequence[str], cell: str) -> tuple[WrittenPlate, ...]:
    """Return the plates of a part of a cell, which must hold some. Raises CellProblem."""
    one = _one_plate(part, grammar, words, cell)
    return (one,) if one else _beside(part, grammar, words, cell) or _refuse(cell, part.strip(), grammar)


def _refuse(cell: str, plain: str, grammar: PlateGrammar) -> tuple[WrittenPlate, ...]:
    if any(_PLATE_WITHIN.search(words) for words in _BRACKETS.findall(plain)):
        raise CellProblem("号牌", cell, "括号里的文字还有号牌", "请把要列入的号牌用顿号隔开，或各写一行")
    if re.search(r"(?<=[A-Z0-9挂学警])\s*(?:或|OR)", plain):
        raise CellProblem("号牌", cell, "写着“或”，不知道是哪一辆", "请核对后只留要列入的，或各写一行")
    compact = re.sub(r"[\s·•.\-]", "", _BRACKETS.sub("", plain))
    if compact.isascii() and _normalised(_PROBE + compact, grammar):
        raise CellProblem("号牌", cell, "缺少省份简称", "请补上，如“鲁”")
    if compact in {"无", "无牌", "未知", "不详", "未上牌", "临牌", "/", "-", "--", "—"} or "临" in compact:
        raise CellProblem("号牌", cell, "没有正式号牌，不能列入名单", "请删去这一行，或补上号牌")
    if not 7 <= len(compact) <= 8:
        raise CellProblem("号牌", cell, f"号牌应有 7 或 8 个字符，这里有 {len(compact)} 个", "请核对后重新填写")
    strange = [c for c in compact if not (c.isascii() and c.isalnum()) and not "\u4e00" <= c <= "\u9fff"]
    if strange:
        raise CellProblem("号牌", cell, f"号牌上没有“{strange[0]}”这个字符", "请核对后重新填写")
    raise CellProblem("号牌", cell, "字符的顺序不是任何一种号牌", "请核对后重新填写")
