"""A rewrite of packed networks."""

from dataclasses import replace

from signbit.format import PackedModel
from signbit.passes import passes


@passes.register("anonymous")
def anonymous(model: PackedModel) -> PackedModel:
    """The same network without what its file says about where it comes from."""
    return replace(model, info={})
