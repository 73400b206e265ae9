"""How many of a city's plate numbers are issued: what an unlisted text is worth as an explanation of a picture.

A city's letter has CODE_SPACE numbers of five characters, at most two of them letters (GA 36). Vehicles are counted by
the Ministry of Public Security, and only as "more than so many million", so a share here is the least it can be.
"""

from collections.abc import Mapping
from types import MappingProxyType

CODE_SPACE = 7_060_000
SOURCE = "公安部 2023-01-11, 2022 年全国机动车保有量: cities above 5, 4 and 3 million cars"

_MILLIONS: tuple[tuple[float, tuple[str, ...]], ...] = (
    (5.0, ("川A", "川G")),  # Chengdu
    (4.0, ("苏E", "苏U")),  # Suzhou
    (4.0, ("豫A", "豫V")),  # Zhengzhou
    (4.0, ("陕A", "陕U")),  # Xi'an
    (4.0, ("鄂A", "鄂W")),  # Wuhan
    (3.0, ("粤B",)),  # Shenzhen
    (3.0, ("粤S",)),  # Dongguan
    (3.0, ("浙A",)),  # Hangzhou
    (3.0, ("鲁B", "鲁U")),  # Qingdao
    (3.0, ("粤A",)),  # Guangzhou
    (3.0, ("粤E", "粤X", "粤Y")),  # Foshan
    (3.0, ("浙B",)),  # Ningbo
    (3.0, ("冀A",)),  # Shijiazhuang
    (3.0, ("鲁Q",)),  # Linyi
    (3.0, ("鲁A", "鲁S")),  # Jinan
    (3.0, ("湘A",)),  # Changsha
    (3.0, ("苏A",)),  # Nanjing
)
"""Millions of cars, and the letters that share them. The four municipalities are left out: they have a letter for each
district, and no count by letter."""

ISSUED_SHARES: Mapping[str, float] = MappingProxyType(
    {letter: millions * 1e6 / CODE_SPACE / len(letters) for millions, letters in _MILLIONS for letter in letters}
)
"""By the plate's first two characters."""
