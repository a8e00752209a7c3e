"""What the drills showed, as a table for people."""

from __future__ import annotations

from dataclasses import dataclass, field

from load import Load

HEADER = ("case", "requests", "failed", "slowest", "message")


@dataclass
class Table:
    rows: list[tuple[str, ...]] = field(default_factory=list)

    def add(self, case: str, load: Load, message: str = "", first: bool = False) -> None:
        """Keep what a load met. `slowest` is that of the ordinary requests."""
        row = (case, f"{len(load.requests):,}", str(len(load.failed)), f"{load.whole.slowest * 1000:,.0f} ms", message or load.reasons())
        self.rows.insert(0 if first else len(self.rows), row)

    def markdown(self) -> str:
        lines = [HEADER, ("---", "---:", "---:", "---:", "---"), *self.rows]
        return "\n".join("| " + " | ".join(" ".join(cell.split()).replace("|", "\\|") for cell in line) + " |" for line in lines) + "\n"
