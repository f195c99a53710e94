"""What torch's operators mean as steps; a rule is found by its operator's name, without overload.

An operator of ATen has its plain name, `relu` for `relu_` too; one of another library has its
namespace, `mylib::step`. Other distributions add rules through the entry point group
`signbit.pack.rules`; this module has all that they need.

A rule accepts one run of its operator, a `RuleCall`:

- `c["name"]` is an argument as it was given, `c.number("name")` a number, `c.constant("name")` a
  tensor that does not depend on the input. `c.value("name")` is a value of the network, and
  `c.map("name")` the same as a step in the usual layout. `c.refuse(reason)` says why not.
- It returns a `Placed`, a step and where torch's numbers lie in it, or a list of one for each
  result, with None for those that it does not know.

Most operators are functions of each number by itself. `pointwise` makes their result, and finds
thresholds by asking the operator itself. For others `c.usual(c.real(op, steps, size, ...))` is an
operation of the packed format, docs/format.md, as the result.
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
