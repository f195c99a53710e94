"""Report what became of a network, in words and as a table."""

from dataclasses import dataclass, field
from typing import Any

from signbit.convert._compare import Compared


@dataclass(frozen=True)
class Change:
    """What became of one module.

    path: where the module is in the network; empty for the network itself.
    before, after: the names of the classes.
    reason: the rule that was found, or why the module is unchanged.
    difference: the largest difference between the outputs before and after, as a share of the
        largest output; None if the module is unchanged or was not compared.
    """

    path: str
    before: str
    after: str
    reason: str
    difference: float | None = None


@dataclass(frozen=True)
class Report:
    """What became of each module, and the comparison of the whole network.

    changes: one entry for each module.
    compared: the comparison for each input of the whole network; empty if there was none.
    """

    changes: tuple[Change, ...]
    compared: tuple[Compared, ...] = field(default=())

    @property
    def difference(self) -> float:
        """The largest difference between the whole networks; 0 if they were not compared."""
        return max((one.difference for one in self.compared), default=0.0)

    def rows(self) -> list[tuple[str, str, str, str]]:
        """Path, before, after and reason of each module, for a table."""
        return [(one.path or ".", one.before, one.after, one.reason) for one in self.changes]

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return {
            "modules": [vars(one) for one in self.changes],
            "compared": [vars(one) for one in self.compared],
        }

    def __str__(self) -> str:
        rows = [("module", "before", "after", "why"), *self.rows()]
        widths = [max(len(row[column]) for row in rows) for column in range(3)]
        lines = [
            "  ".join([*(cell.ljust(width) for cell, width in zip(row, widths, strict=False))])
            + f"  {row[3]}"
            for row in rows
        ]
        lines += [
            f"on {one.inputs}: largest difference {one.difference:.1e}, largest output "
            f"{one.largest:.3g} ({one.dtype})"
            for one in self.compared
        ]
        return "\n".join(lines)
