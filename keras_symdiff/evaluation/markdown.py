"""Rows and cells of the tables of a report."""

from collections.abc import Iterable


def row(cells: Iterable[str]) -> str:
    """A row of a table in Markdown."""
    return "| " + " | ".join(cells) + " |"


def cell(figure: dict[str, float | None], digits: int) -> str:
    """A figure with its interval in brackets; `-` where there is none."""
    value, low, high = ("-" if figure[end] is None else f"{figure[end]:.{digits}f}" for end in ("value", "low", "high"))
    return value if value == low == high == "-" else f"{value} [{low}, {high}]"
