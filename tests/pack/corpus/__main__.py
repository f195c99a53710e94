"""Judge every network, and print what became of each: python -m tests.pack.corpus [topic ...]."""

import sys
import warnings
from collections import Counter

import torch

from tests.pack.corpus import cases
from tests.pack.corpus._judge import judge

KINDS = ("packed", "refused", "wrong", "raw")


def main(topics: list[str]) -> int:
    """Print a line for each network that is not as expected, then counts; 1 where there is one."""
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    counts: dict[str, Counter[str]] = {}
    for name, case in cases().items():
        topic = name.partition(".")[0]
        if topics and topic not in topics:
            continue
        verdict = judge(case)
        row = counts.setdefault(topic, Counter())
        row.update([verdict.kind, *([] if verdict.expected else ["unexpected"])])
        if not verdict.expected:
            print(f"{verdict.kind:8} {name:40} {verdict.detail[:150]}")
    _table(counts)
    return int(any(row["unexpected"] for row in counts.values()))


def _table(counts: dict[str, Counter[str]]) -> None:
    columns = (*KINDS, "unexpected")
    print(f"\n{'topic':14}" + "".join(f"{column:>12}" for column in columns))
    total = sum(counts.values(), Counter())
    for topic, row in [*counts.items(), ("all", total)]:
        print(f"{topic:14}" + "".join(f"{row[column]:12}" for column in columns))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
