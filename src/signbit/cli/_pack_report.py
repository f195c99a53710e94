"""The report of a packed network: what each module became, and the self-check."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from signbit.cli._output import print_table, say

if TYPE_CHECKING:
    from signbit.format import PackedModel


def print_report(packed: "PackedModel", out: Path) -> None:
    """Print the report of a network that was written to `out`."""
    from signbit.format.report import HEADER, LEFT, report_rows

    print_table(HEADER, *report_rows(packed.info), left=LEFT)
    say(f"{out}: {out.stat().st_size:,} bytes")
    # A network that was read without torch has no self-check.
    verdict = [_verdict(packed.info)] if "exact" in packed.info else []
    say(*_kept_real(packed.info), *verdict)
    for note in packed.info.get("notes", ()):
        say(f"signbit: {note}", err=True)


def _kept_real(info: Any) -> list[str]:
    """The layers that stay real, on a line for each reason."""
    layers: dict[str, list[str]] = {}
    for row in info["modules"]:
        if row["why"]:
            layers.setdefault(row["why"], []).append(row["module"])
    return [f"kept real ({why}): {', '.join(paths)}" for why, paths in layers.items()]


def _verdict(info: Any) -> str:
    result = info.get("check")
    if result is None:
        return "the packed network was not compared with torch (--no-check)"
    exact = "" if info["exact"] else "; torch may round the network's real numbers differently"
    turned = f" ({result['bits_turned']} by rounding)" if result["bits_differ"] else ""
    return (
        f"self-check on {result['images']} samples: {result['bits_differ']} of "
        f"{result['bits']:,} bits{turned} and {result['predictions_differ']} predictions differ "
        f"from torch's, scores by {result['largest_score_difference']:.1e} at most{exact}"
    )
