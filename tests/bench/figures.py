"""What was measured, and the table of it."""

from __future__ import annotations

import statistics
from dataclasses import dataclass, field

HEADER = ("measure", "unit", "rounds", "Shortstop min", "median", "max", "scripts min", "median", "max", "ratio", "module runs")


def numbers(values: list[float]) -> tuple[str, str, str]:
    """Minimum, median and maximum; empty without values."""
    if not values:
        return ("", "", "")
    low, middle, high = (f"{value:,.0f}" if value >= 100 else f"{value:.1f}" for value in (min(values), statistics.median(values), max(values)))
    return low, middle, high


@dataclass
class Figures:
    """The rounds of one measure: of Shortstop, and of the scripts where they have a counterpart."""

    name: str
    unit: str = "s"
    shortstop: list[float] = field(default_factory=list)
    scripts: list[float] = field(default_factory=list)
    module_runs: list[int] = field(default_factory=list)

    @property
    def ratio(self) -> str:
        """Shortstop's median divided by the scripts'."""
        return f"{statistics.median(self.shortstop) / statistics.median(self.scripts):.2f}" if self.shortstop and self.scripts else ""

    @property
    def row(self) -> tuple[str, ...]:
        runs = "-".join(str(number) for number in sorted({min(self.module_runs), max(self.module_runs)})) if self.module_runs else ""
        return (self.name, self.unit, str(len(self.shortstop)), *numbers(self.shortstop), *numbers(self.scripts), self.ratio, runs)


def plain(measured: list[Figures]) -> str:
    """Aligned columns."""
    lines = [HEADER, *(figures.row for figures in measured)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(HEADER))]
    return "".join(
        "  ".join(cell.ljust(width) if column < 2 else cell.rjust(width) for column, (cell, width) in enumerate(zip(line, widths, strict=True))).rstrip() + "\n"
        for line in lines
    )


def markdown(measured: list[Figures]) -> str:
    lines = [HEADER, ("---", "---", *["---:"] * (len(HEADER) - 2)), *(figures.row for figures in measured)]
    return "".join("| " + " | ".join(line) + " |\n" for line in lines)
