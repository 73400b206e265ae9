"""Rows that hold several records: tables side by side, 车牌号1 and 车牌号2, one vehicle with several stays."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

from riskdb.record.mapping.fields import AREA_PARTS, FIELD_NAMES, Field
from riskdb.record.mapping.forms import Form
from riskdb.record.mapping.header_keys import header_key, uncounted_key

_NOT_COUNTED = (None, Field.PERSONAL, Field.NUMBER, Field.NOTE)
_AREAS = frozenset({Field.AREA, Field.AREA_CODE, *AREA_PARTS})
_BEGINS = frozenset({Field.FROM, Field.STAY})


@dataclass(frozen=True, slots=True)
class Part:
    """What makes one record of a row."""

    form: Form
    """The columns of the other records mean nothing in it."""
    own: tuple[int, ...]
    """Columns that this record does not share with the others; empty where a row is one record."""

    @property
    def has_plate(self) -> bool:
        return any(self.form.fields[place] is Field.PLATE for place in self.own)


def parts_of(form: Form) -> tuple[Part, ...]:
    """Return the records that a row of the form holds, from left to right; mostly one."""
    named = [place for place, field in enumerate(form.fields) if field not in _NOT_COUNTED]
    names = {place: (form.fields[place], uncounted_key(form.headers[place])) for place in named}
    counts = Counter(names.values())
    repeated = [place for place in named if counts[names[place]] > 1]
    times = max(counts.values(), default=1)
    size, rest = divmod(len(repeated), times)
    blocks = [repeated[start : start + size] for start in range(0, len(repeated), size or 1)]
    are_alike = all([names[place] for place in block] == [names[place] for place in blocks[0]] for block in blocks)
    if times == 1 or rest or not are_alike or not _is_sure(form, blocks[0], repeated):
        return (Part(form, ()),)
    if any(repeated[0] < place < repeated[-1] for place in named if place not in repeated):
        return (Part(form, ()),)
    return tuple(Part(_without(form, repeated, block), tuple(block)) for block in blocks)


def _is_sure(form: Form, block: Sequence[int], repeated: Sequence[int]) -> bool:
    """Whether each repetition can only be a record: not where two columns of one name are one that is wide."""
    fields = {form.fields[place] for place in block}
    is_counted = len({header_key(form.headers[place]) for place in repeated}) == len(repeated)
    if len(block) == 1 and fields == {Field.PLATE} and all(_is_numbered(form, place) for place in repeated):
        return True  # 序号, 车牌, 序号, 车牌: a sheet full of plates
    if len(block) == 1:
        return is_counted and bool(fields & {Field.PLATE, Field.AREA})
    if Field.PLATE in fields:
        return True
    return bool(fields & _BEGINS) and (bool(fields & _AREAS) or (is_counted and Field.TO in fields))


def _is_numbered(form: Form, place: int) -> bool:
    return place > 0 and form.fields[place - 1] is Field.NUMBER


def _without(form: Form, repeated: Sequence[int], block: Sequence[int]) -> Form:
    others = set(repeated) - set(block)
    fields = tuple(None if place in others else field for place, field in enumerate(form.fields))
    return replace(form, fields=fields)


def repeated_words(parts: Sequence[Part]) -> str:
    """Return how rows with several records are read, for people; empty where each is one."""
    if len(parts) == 1:
        return ""
    first = parts[0].form
    names = "、".join(dict.fromkeys(FIELD_NAMES[field] for place in parts[0].own if (field := first.fields[place])))
    what = "左右并排" if parts[0].has_plate and len(parts[0].own) > 1 else "每行"
    return f"；{what} {len(parts)} 组“{names}”，每组算一条记录"
