"""What is wrong with a cell."""

import re

PEOPLE = re.compile(r"(?<![0-9A-Za-z])(?:1[3-9]\d{9}|\d{17}[\dXx])(?![0-9A-Za-z])")
"""Phone and identity numbers: nobody reads them, and no message shows them."""


class CellProblem(ValueError):
    """Says the column, the value, the cause and what to do, in Chinese; phone and identity numbers of people not."""

    def __init__(self, column: str, value: str, cause: str, remedy: str = "") -> None:
        told = PEOPLE.sub("…", value.strip())[:60]
        shown = f"“{told}”" if told else ""
        super().__init__(f"{column}{shown}：{cause}" + (f"；{remedy}" if remedy else ""))
