"""What ATen's operators mean as steps; each is found by its name, without overload.

A rule is given one run of its operator, and returns its result, or a list of its results with None
for those that it does not know. Other distributions add rules through the entry point group
`signbit.pack.rules`.
"""

from collections.abc import Callable, Sequence

from signbit.pack._layout import Placed
from signbit.pack._rule import RuleCall
from signbit.registry import Registry

Rule = Callable[[RuleCall], Placed | Sequence[Placed | None]]

rules: Registry[Rule] = Registry("rule", "signbit.pack.rules")

__all__ = ["Rule", "rules"]
