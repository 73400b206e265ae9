"""What comes in from outside, no larger than the tables hold."""

from typing import Annotated, TypeAlias

from pydantic import Field

RowNumber: TypeAlias = Annotated[int, Field(ge=1, le=2**31 - 1)]
"""The number of a row, in an address or a body; PostgreSQL keeps it in four bytes."""
