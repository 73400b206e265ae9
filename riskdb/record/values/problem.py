"""What is wrong with a cell."""


class CellProblem(ValueError):
    """Says the column, the value, the cause and what to do, in Chinese."""

    def __init__(self, column: str, value: str, cause: str, remedy: str = "") -> None:
        shown = f"“{value.strip()[:60]}”" if value.strip() else ""
        super().__init__(f"{column}{shown}：{cause}" + (f"；{remedy}" if remedy else ""))
