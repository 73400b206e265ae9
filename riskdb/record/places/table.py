"""The shipped table of divisions: 统计用区划代码 2023 (see fixtures/make_place_table)."""

import zipfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from riskdb.record.places.old_names import names_behind_city, other_names

TABLE_PATH = Path(__file__).with_name("china_2023.zip")
TABLE_YEAR = 2023
_UNNAMED = frozenset({"市辖区", "县", "省直辖县级行政区划", "自治区直辖县级行政区划", "城区"})
"""Names that stand between two levels and that nobody writes."""
_BEYOND = {"71": "台湾省", "81": "香港特别行政区", "82": "澳门特别行政区"}
"""The statistics do not reach there."""
_SHORT_TAILS = (
    "维吾尔自治区", "壮族自治区", "回族自治区", "自治区", "特别行政区", "省", "市辖区", "自治州", "地区", "盟",
    "新区", "市", "区", "县", "旗",
    "街道办事处", "街道", "镇", "乡", "社区", "村",
)  # fmt: skip
_NATIONS = (
    "蒙古族", "回族", "藏族", "维吾尔", "苗族", "彝族", "壮族", "布依族", "朝鲜族", "满族", "侗族", "瑶族",
    "白族", "土家族", "哈尼族", "哈萨克",
    "傣族", "黎族", "傈僳族", "佤族", "畲族", "拉祜族", "水族", "东乡族", "纳西族", "景颇族", "柯尔克孜", "土族",
    "达斡尔族", "仫佬族", "羌族",
    "布朗族", "撒拉族", "毛南族", "仡佬族", "锡伯", "阿昌族", "普米族", "塔吉克", "怒族", "俄罗斯族", "鄂温克族",
    "德昂族", "保安族", "裕固族",
    "京族", "独龙族", "鄂伦春", "赫哲族", "门巴族", "珞巴族", "各族", "蒙古", "哈萨克族", "回族彝族", "苗族侗族",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Place:
    """One division above the village."""

    code: str
    """2, 4, 6 or 9 digits, as the table has them."""
    name: str

    @property
    def area(self) -> str:
        """The code as the record keeps it."""
        return self.code if len(self.code) > 6 else self.code.ljust(6, "0")


class PlaceTable:
    """All divisions; villages are unpacked by the province when first asked for."""

    def __init__(self, path: Path = TABLE_PATH) -> None:
        self._path = path
        self._places = dict(line.split(" ", 1) for line in self._member("top").split("\n")) | _BEYOND
        self._by_name: dict[str, list[Place]] = {}
        self._below: dict[str, list[Place]] = {}
        self._villages: dict[str, dict[str, str]] = {}
        for code, name in self._places.items():
            self._put(Place(code, name))

    def _put(self, place: Place) -> None:
        self._below.setdefault(self._parent(place.code), []).append(place)
        if len(place.code) <= 6 and place.name not in _UNNAMED:
            for name in (*spellings(place.name), *other_names(place.code, place.name)):
                self._by_name.setdefault(name, []).append(place)

    def _parent(self, code: str) -> str:
        parents = (code[:length] for length in (6, 4, 2) if length < len(code))
        return next((parent for parent in parents if parent in self._places), "")

    def has(self, code: str) -> bool:
        """Return whether there is such a division: 2, 4, 6 or 9 digits."""
        return code in self._places

    def name_of(self, code: str) -> str:
        """Return the whole name, from the province down; empty for a code that the table lacks."""
        names = [self._places[code[:n]] for n in (2, 4, 6, 9) if n <= len(code) and code[:n] in self._places]
        kept = [name for name in dict.fromkeys(names) if name not in _UNNAMED]
        return "".join(kept) if code in self._places or len(code) == 12 else ""

    def starting(self, text: str, longest: int = 15) -> list[tuple[Place, str]]:
        """Return provinces, cities and counties with whose name a text starts, and what is left of the text."""
        return [
            (place, text[length:])
            for length in range(min(longest, len(text)), 1, -1)
            for place in self._by_name.get(text[:length], ())
        ]

    def inside(self, code: str, text: str) -> list[tuple[Place, str]]:
        """Return the divisions one level below with whose name a text starts, and what is left; unnamed ones are
        looked through."""
        found = []
        for place in self._below.get(code, ()):
            if place.name in _UNNAMED:
                found += self.inside(place.code, text)
                continue
            for name in (*spellings(place.name), *other_names(place.code, place.name), *self._of_zone(place)):
                if text.startswith(name):
                    found.append((place, text[len(name) :]))
        return found

    def _of_zone(self, place: Place) -> tuple[str, ...]:
        known = names_behind_city(place.code)
        if not place.name.endswith(_ZONES):
            return known
        return known + _zone_spellings(
            place.name, self._places.get(place.code[:2], ""), self._places.get(place.code[:4], "")
        )

    def villages(self, street: str) -> list[tuple[str, str]]:
        """Return code and name of every village of a street."""
        province = street[:2]
        if province not in self._villages:
            lines = self._member(province).split("\n")
            self._villages[province] = {line[:9]: line[10:] for line in lines}
        cells = self._villages[province].get(street, "").split("\t")
        return [(street + cell[:3], cell[3:]) for cell in cells if cell]

    def cities(self) -> list[Place]:
        """Return the cities that lie below a province, and what stands at their level."""
        return [Place(code, name) for code, name in self._places.items() if len(code) == 4 and name not in _UNNAMED]

    def streets(self, county: str) -> list[Place]:
        return [place for place in self._below.get(county, ()) if len(place.code) == 9]

    def _member(self, name: str) -> str:
        with zipfile.ZipFile(self._path) as table:
            try:
                return table.read(name).decode()
            except KeyError:
                return ""


@cache
def place_table() -> PlaceTable:
    """Return the shipped table, read once in a process and only where a file names an area in words."""
    return PlaceTable()


_ZONE_WORDS = (
    ("高新技术产业开发区", "高新区"), ("高新技术产业开发区", "高新技术开发区"), ("高新技术产业开发区", "高新开发区"),
    ("高新技术产业园区", "高新区"), ("高新技术开发区", "高新区"), ("高新技术开发区", "高新技术产业开发区"),
    ("经济技术开发区", "经开区"), ("经济技术开发区", "经济开发区"), ("经济技术开发区", "经济技术区"),
    ("经济开发区", "经开区"), ("经济开发区", "经济技术开发区"), ("城乡一体化示范区", "示范区"),
    ("城乡一体化示范区", "一体化示范区"),
)  # fmt: skip
"""A development zone's kind, in full and as people write it."""
_ZONES = (*dict.fromkeys(whole for whole, _ in _ZONE_WORDS), "工业园区", "管理区", "新区")


@cache
def _zone_spellings(name: str, province: str, city: str) -> tuple[str, ...]:
    """Return how people write a development zone behind its city: 郑州市高新区 is 郑州高新技术产业开发区."""
    bare = name
    for above in (*spellings(province), *spellings(city)):
        bare = bare.removeprefix(above) or bare
    brief = [bare.removesuffix(whole) + short for whole, short in _ZONE_WORDS if bare.endswith(whole)]
    return tuple(dict.fromkeys(word for word in (bare, *brief) if word not in spellings(name)))


@cache
def spellings(name: str) -> tuple[str, ...]:
    """Return the ways in which people write a division's name, its full one first."""
    found = [name]
    for tail in _SHORT_TAILS:
        if name.endswith(tail) and len(name) - len(tail) >= 2:
            found.append(name.removesuffix(tail))
            break
    short = found[-1]
    starts = [short.find(nation, 2) for nation in _NATIONS] if len(found) > 1 else []
    if begins := [start for start in starts if start > 0]:
        found.append(short[: min(begins)])
        found += [found[-1] + "州"] if name.endswith("自治州") else []  # 凉山州, 恩施州
    if name.endswith("街道"):
        found.append(name + "办事处")
        found.append(name + "办")
    return tuple(dict.fromkeys(found))


def area_name(area: str) -> str:
    """Return the whole name of an area as the record keeps it, empty where the table lacks it."""
    county = area[:6]
    return place_table().name_of(area if len(area) > 6 else county[:2] if county.endswith("0000") else county)
