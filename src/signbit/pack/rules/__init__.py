"""Rules that turn torch's operators into steps, by the operator's name without overload.

An operator of ATen has its plain name; `relu_` is also `relu`. The name of an operator of another
library begins with its namespace, `mylib::step`. Other distributions add rules through the entry
point group `signbit.pack.rules`. This module has all that they need.

A rule accepts one run of its operator, a `RuleCall`:

- `c["name"]` is an argument as it was given, `c.number("name")` a number, `c.constant("name")` a
  tensor that does not depend on the input. `c.value("name")` is a value of the network, and
  `c.map("name")` is the same value as a step in the usual layout. `c.refuse(reason)` raises the
  error for a run that the rule cannot express.
- It returns a `Placed`, which is a step with the places of torch's numbers in it. For several
  results it returns a list with one each, and None for a result that it does not know.

Most operators are functions of each number by itself. `pointwise` makes their result, and finds
thresholds by running the operator itself. For others, `c.usual(c.real(op, steps, size, ...))` makes
an operation of the packed format (docs/format.md) as the result.
"""

from collections.abc import Callable, Sequence

from signbit.pack._draft import RealForm, RealNode, chain
from signbit.pack._layout import Placed
from signbit.pack._pointwise import pointwise
from signbit.pack._rule import RuleCall
from signbit.registry import Registry

Rule = Callable[[RuleCall], Placed | Sequence[Placed | None]]

rules: Registry[Rule] = Registry("rule", "signbit.pack.rules")

__all__ = ["Placed", "RealForm", "RealNode", "Rule", "RuleCall", "chain", "pointwise", "rules"]
