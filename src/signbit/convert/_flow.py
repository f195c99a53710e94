"""The order in which a network calls its modules, and whether the input of each is normalized."""

from collections.abc import Sequence
from typing import Any

from torch import fx, nn
from torch.nn.modules.batchnorm import _BatchNorm

# These modules move, drop or bound values. Values around zero stay around zero.
_KEEPS_CENTRE = (
    nn.Identity,
    nn.Hardtanh,
    nn.Dropout,
    nn.Dropout1d,
    nn.Dropout2d,
    nn.Flatten,
    nn.MaxPool1d,
    nn.MaxPool2d,
    nn.AvgPool1d,
    nn.AvgPool2d,
    nn.AdaptiveAvgPool1d,
    nn.AdaptiveAvgPool2d,
    nn.AdaptiveMaxPool2d,
)
_FUNCTIONS = (
    *("flatten", "view", "reshape", "squeeze", "contiguous", "dropout", "hardtanh", "mean"),
    *("max_pool1d", "max_pool2d", "avg_pool1d", "avg_pool2d", "adaptive_avg_pool2d"),
    *("add", "add_", "iadd", "cat", "concat", "clone", "permute", "transpose"),
)


class Flow:
    """The order of the modules in a network, as far as torch.fx can follow its forward.

    followed: whether torch.fx can. Otherwise the order is that in which modules are registered.
    """

    def __init__(self, model: nn.Module):
        self._modules = dict(model.named_modules())
        try:
            self._nodes = list(fx.Tracer().trace(model).nodes)
            self.followed = True
        # Foreign code may raise any error when it is traced.
        except Exception:
            self._nodes, self.followed = [], False

    def order(self, paths: Sequence[str]) -> list[str]:
        """The paths that the network calls, in the order of the calls."""
        if not self.followed:
            return list(paths)
        called = dict.fromkeys(n.target for n in self._nodes if n.op == "call_module")
        return [path for path in called if path in paths]  # pyright: ignore[reportReturnType]

    def is_normalized(self, path: str, removed: Sequence[str]) -> bool:
        """Whether all inputs of a module are around zero because of a batch norm before it.

        removed: paths of modules that are being removed.
        """
        calls = [node for node in self._nodes if node.op == "call_module" and node.target == path]
        return bool(calls) and all(
            self._is_centred(source, set(removed))
            for node in calls
            for source in node.all_input_nodes
        )

    def _is_centred(self, node: fx.Node, removed: set[str]) -> bool:
        if node.op == "call_module":
            module: Any = self._modules[str(node.target)]
            if isinstance(module, _BatchNorm):
                return True
            passes = node.target in removed or isinstance(module, _KEEPS_CENTRE)
        else:
            name = node.target if isinstance(node.target, str) else _name_of(node.target)
            passes = node.op in ("call_function", "call_method") and name in _FUNCTIONS
        sources = node.all_input_nodes
        return passes and bool(sources) and all(self._is_centred(one, removed) for one in sources)


def _name_of(function: Any) -> str:
    return getattr(function, "__name__", "")
