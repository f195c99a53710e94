"""Networks as other people write them in PyTorch, with what packing them must do.

Each module of this package is one topic and lists its networks with `@network`. The tests ask
`cases()` for all of them, so a new network is a new function and nothing else.
"""

from tests.pack.corpus._case import Case, cases

__all__ = ["Case", "cases"]
