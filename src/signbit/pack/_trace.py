"""Follow the forward pass of a module, and say what each operation means."""

from collections import Counter
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import torch
from torch import Tensor, fx, nn
from torch.fx.proxy import TraceError

from signbit.errors import PackError, first_line
from signbit.layers import BinaryLayer, RPReLU
from signbit.pack import _modules as m
from signbit.pack._draft import Input, Step
from signbit.quantizers import AbstractQuantizer

_CONV_OR_LINEAR = (nn.Linear, nn.Conv1d, nn.Conv2d)
_BATCH_NORM = (nn.BatchNorm1d, nn.BatchNorm2d)
_NOTHING = (nn.Identity, nn.Dropout, nn.Dropout1d, nn.Dropout2d, nn.AlphaDropout)
_POOL_ARGUMENTS = ("kernel_size", "stride", "padding")
_MAX_POOL_ARGUMENTS = (*_POOL_ARGUMENTS, "dilation", "ceil_mode", "return_indices")
_AVG_POOL_ARGUMENTS = (*_POOL_ARGUMENTS, "ceil_mode", "count_include_pad", "divisor_override")
_WINDOW_DEFAULTS = {
    "stride": None,
    "padding": 0,
    "dilation": 1,
    "ceil_mode": False,
    "count_include_pad": True,
    "return_indices": False,
    "divisor_override": None,
}


class _Tracer(fx.Tracer):
    """Looks into modules, except those of torch.nn and ours."""

    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        own = isinstance(m, BinaryLayer | AbstractQuantizer | RPReLU)
        return own or super().is_leaf_module(m, module_qualified_name)


class _Shapes(fx.Interpreter):
    """Runs the network once and notes the shape of every value."""

    def __init__(self, module: fx.GraphModule):
        super().__init__(module)
        self.shapes: dict[fx.Node, tuple[int, ...]] = {}

    def run_node(self, n: fx.Node) -> Any:
        value = super().run_node(n)
        if isinstance(value, Tensor):
            self.shapes[n] = tuple(value.shape)
        return value


def as_network(model: nn.Module) -> nn.Module:
    """The model, or a network of it where it is a single layer, which would be looked into."""
    return nn.Sequential(model) if _Tracer().is_leaf_module(model, "") else model


def trace(model: nn.Module, example: Tensor) -> Step:
    """The last step of the network; the others hang on it.

    example: a batch of two inputs.

    Raises: PackError naming the module or function that cannot be packed, and why.
    """
    try:
        graph = _Tracer().trace(model)
        module = fx.GraphModule(model, graph)
    except (TraceError, TypeError, ValueError, RuntimeError) as error:
        raise PackError(
            f"{type(model).__name__}: its forward pass depends on the values, and cannot be "
            f"followed: {first_line(error)}"
        ) from error
    inputs = [node for node in graph.nodes if node.op == "placeholder"]
    if len(inputs) != 1:
        raise PackError(f"the network takes {len(inputs)} inputs; one can be packed")
    shapes = _Shapes(module)
    try:
        with torch.no_grad():
            shapes.run(example)
    except (RuntimeError, ValueError, TypeError) as error:
        raise PackError(
            f"{type(model).__name__} does not take input of shape {tuple(example.shape)}: "
            f"{first_line(error)}"
        ) from error
    return _Reader(module, shapes.shapes).read()


def _argument(node: fx.Node, index: int, name: str, default: Any = None) -> Any:
    """An argument of a function, which may be given by its place or its name."""
    return node.args[index] if index < len(node.args) else node.kwargs.get(name, default)


class _Reader:
    """Turns the nodes of an fx graph into steps."""

    def __init__(self, module: fx.GraphModule, shapes: dict[fx.Node, tuple[int, ...]]):
        self.module, self.shapes = module, shapes
        self.steps: dict[fx.Node, Step] = {}
        self.calls: Counter[str] = Counter()

    def read(self) -> Step:
        """The step that the output node returns."""
        for node in self.module.graph.nodes:
            if node.op == "output":
                (result,) = node.args
                if not isinstance(result, fx.Node) or result not in self.steps:
                    raise PackError("the network returns something else than one tensor")
                return self.steps[result]
            # Sizes and other plain numbers are known already; constants are read where used.
            if node in self.shapes and node.op != "get_attr":
                self.steps[node] = self._step(node)
        raise PackError("the network returns nothing")

    def _step(self, node: fx.Node) -> Step:
        shape = self.shapes[node][1:]
        if node.op == "placeholder":
            return Input("input", (), shape)
        if node.op == "call_module":
            path = str(node.target)
            return self._module_step(path, self._source(node), shape)
        name = node.target if isinstance(node.target, str) else node.target.__name__
        origin = f"{name} ({node.name})"
        convert = _FUNCTIONS.get(name)
        if convert is None:
            raise PackError(f"{origin}: this function cannot be packed")
        return convert(self, node, origin, shape)

    def _module_step(self, path: str, x: Step, shape: tuple[int, ...]) -> Step:
        module, call = self.module.get_submodule(path), self.calls[path]
        self.calls[path] += 1
        if isinstance(module, AbstractQuantizer):
            return m.levels_step(path, m.quantizer_step(path, x, module, call), module)
        if isinstance(module, _CONV_OR_LINEAR):
            return m.layer_steps(path, x, shape, module, call)
        if isinstance(module, _BATCH_NORM):
            return m.batch_norm_step(path, x, module)
        if isinstance(module, _NOTHING):
            return x
        convert = _MODULES.get(type(module).__name__)
        if convert is None:
            raise PackError(f"{path}: a module of type {type(module).__name__} cannot be packed")
        return convert(path, x, shape, module)

    def _source(self, node: fx.Node) -> Step:
        """What a function or module reads, its first argument."""
        return self.value(node, _argument(node, 0, "input"))

    def value(self, node: fx.Node, argument: Any) -> Step:
        """An argument that is a value of the network. Raises: PackError."""
        if not isinstance(argument, fx.Node) or argument not in self.steps:
            raise PackError(f"{node.name}: reads {argument}, which is no value of the network")
        return self.steps[argument]

    def constant(self, argument: Any) -> Tensor | None:
        """A parameter, buffer or number; None for a value of the network."""
        if isinstance(argument, int | float):
            return torch.tensor(float(argument))
        if isinstance(argument, fx.Node) and argument.op == "get_attr":
            value: Any = self.module
            for part in str(argument.target).split("."):
                value = getattr(value, part)
            return value
        return None


def _two(name: str) -> Callable[..., Step]:
    """Addition or multiplication of two values, or of one and a constant."""

    def convert(reader: _Reader, node: fx.Node, origin: str, shape: tuple[int, ...]) -> Step:
        if len(node.args) != 2 or node.kwargs:
            raise PackError(f"{origin}: two arguments can be packed, given without names")
        constants = [reader.constant(argument) for argument in node.args]
        if constants == [None, None]:
            if name != "add":
                raise PackError(f"{origin}: a product of two values cannot be packed")
            sources = tuple(reader.value(node, argument) for argument in node.args)
            if sources[0].shape != sources[1].shape:
                raise PackError(
                    f"{origin}: values of shapes {sources[0].shape} and {sources[1].shape}"
                )
            return m.join_step("add", origin, sources, shape)
        which = 0 if constants[0] is None else 1
        value = constants[1 - which]
        assert value is not None
        make = m.bias_step if name == "add" else m.scale_step
        source = reader.value(node, node.args[which])
        if value.ndim == 1 and value.numel() > 1 and len(source.shape) > 1:
            raise PackError(
                f"{origin}: a constant of shape {tuple(value.shape)} runs along the width; "
                "one number per channel, (C, 1, 1), can be packed"
            )
        return make(origin, source, value)

    return convert


def _window(op: str, names: tuple[str, ...]) -> Callable[..., Step]:
    def convert(reader: _Reader, node: fx.Node, origin: str, shape: tuple[int, ...]) -> Step:
        given = dict(zip(names, node.args[1:], strict=False)) | dict(node.kwargs)
        settings = SimpleNamespace(**(_WINDOW_DEFAULTS | given))
        make = m.max_pool_step if op == "max_pool" else m.avg_pool_step
        return make(origin, reader._source(node), shape, settings)

    return convert


def _module(make: Callable[[str, Step, tuple[int, ...], Any], Step]) -> Callable[..., Step]:
    """A function that only needs its first argument and the shape that it gives."""

    def convert(reader: _Reader, node: fx.Node, origin: str, shape: tuple[int, ...]) -> Step:
        return make(origin, reader._source(node), shape, None)

    return convert


def _dropout(reader: _Reader, node: fx.Node, origin: str, shape: tuple[int, ...]) -> Step:
    if _argument(node, 1, "p", 0.5) and _argument(node, 2, "training", True):
        raise PackError(f"{origin}: drops values in evaluation too; give training=self.training")
    return reader._source(node)


def _flatten(origin: str, x: Step, shape: tuple[int, ...], module: Any) -> Step:
    return m.flatten_step(origin, x, shape)


def _nothing(origin: str, x: Step, shape: tuple[int, ...], module: Any) -> Step:
    return x


def _relu(origin: str, x: Step, shape: tuple[int, ...], module: Any) -> Step:
    return m.clamp_step(origin, x, 0.0, float("inf"))


def _relu6(origin: str, x: Step, shape: tuple[int, ...], module: Any) -> Step:
    return m.clamp_step(origin, x, 0.0, 6.0)


def _hardtanh(origin: str, x: Step, shape: tuple[int, ...], module: nn.Hardtanh) -> Step:
    return m.clamp_step(origin, x, module.min_val, module.max_val)


def _hardtanh_function(reader: _Reader, node: fx.Node, origin: str, shape: tuple[int, ...]) -> Step:
    given = dict(zip(("min_val", "max_val"), node.args[1:], strict=False)) | dict(node.kwargs)
    low, high = (given.get(key, default) for key, default in (("min_val", -1.0), ("max_val", 1.0)))
    return m.clamp_step(origin, reader._source(node), float(low), float(high))  # pyright: ignore


def _prelu(origin: str, x: Step, shape: tuple[int, ...], module: nn.PReLU) -> Step:
    return m.prelu_step(origin, x, module.weight)


def _rp_relu(origin: str, x: Step, shape: tuple[int, ...], module: RPReLU) -> Step:
    return m.rp_relu_step(origin, x, module)


def _over_channels(op: str) -> Callable[..., Step]:
    def convert(origin: str, x: Step, shape: tuple[int, ...], module: Any) -> Step:
        dim = getattr(module, "dim", 1)
        if len(shape) != 1 or dim not in (1, -1):
            raise PackError(f"{origin}: over dimension {dim} of {shape}; give scores of (N, C)")
        return m.join_step(op, origin, (x,), shape)

    return convert


def _over_channels_function(op: str) -> Callable[..., Step]:
    def convert(reader: _Reader, node: fx.Node, origin: str, shape: tuple[int, ...]) -> Step:
        module = SimpleNamespace(dim=_argument(node, 1, "dim"))
        return _over_channels(op)(origin, reader._source(node), shape, module)

    return convert


def _concat(reader: _Reader, node: fx.Node, origin: str, shape: tuple[int, ...]) -> Step:
    parts, dim = _argument(node, 0, "tensors"), _argument(node, 1, "dim", 0)
    if not isinstance(parts, list | tuple):
        raise PackError(f"{origin}: joins {parts}; a list of values can be packed")
    if dim not in (1, -len(shape)):
        raise PackError(f"{origin}: along dimension {dim}; channels, 1, can be packed")
    sources = [reader.value(node, part) for part in parts]
    return m.join_step("concat", origin, sources, shape)


def _mean(reader: _Reader, node: fx.Node, origin: str, shape: tuple[int, ...]) -> Step:
    x = reader._source(node)
    dims = _argument(node, 1, "dim")
    rank = len(x.shape) + 1
    listed = sorted(dim % rank for dim in dims) if isinstance(dims, list | tuple) else []
    if rank == 2 or listed != list(range(2, rank)):
        raise PackError(f"{origin}: a mean over {dims}; the whole map, (2, 3), can be packed")
    pooled = m.adaptive_pool_step("avg_pool", origin, x, (x.shape[0], *[1] * (len(x.shape) - 1)))
    return pooled if pooled.shape == shape else m.flatten_step(origin, pooled, shape)


def _adaptive(op: str) -> Callable[[str, Step, tuple[int, ...], Any], Step]:
    return lambda origin, x, shape, module: m.adaptive_pool_step(op, origin, x, shape)


_MODULES: dict[str, Callable[[str, Step, tuple[int, ...], Any], Step]] = {
    "ReLU": _relu,
    "ReLU6": _relu6,
    "Hardtanh": _hardtanh,
    "PReLU": _prelu,
    "RPReLU": _rp_relu,
    "MaxPool1d": m.max_pool_step,
    "MaxPool2d": m.max_pool_step,
    "AvgPool1d": m.avg_pool_step,
    "AvgPool2d": m.avg_pool_step,
    "AdaptiveAvgPool1d": _adaptive("avg_pool"),
    "AdaptiveAvgPool2d": _adaptive("avg_pool"),
    "AdaptiveMaxPool1d": _adaptive("max_pool"),
    "AdaptiveMaxPool2d": _adaptive("max_pool"),
    "Flatten": _flatten,
    "Softmax": _over_channels("softmax"),
    "LogSoftmax": _over_channels("log_softmax"),
}

_FUNCTIONS: dict[str, Callable[..., Step]] = {
    "add": _two("add"),
    "add_": _two("add"),
    "iadd": _two("add"),
    "mul": _two("mul"),
    "mul_": _two("mul"),
    "imul": _two("mul"),
    "cat": _concat,
    "concat": _concat,
    "mean": _mean,
    "softmax": _over_channels_function("softmax"),
    "log_softmax": _over_channels_function("log_softmax"),
    "hardtanh": _hardtanh_function,
    "relu": _module(_relu),
    "relu_": _module(_relu),
    "relu6": _module(_relu6),
    "flatten": _module(_flatten),
    "view": _module(_flatten),
    "reshape": _module(_flatten),
    "squeeze": _module(_flatten),
    "contiguous": _module(_nothing),
    "dropout": _dropout,
    "adaptive_avg_pool2d": _module(_adaptive("avg_pool")),
    "adaptive_avg_pool1d": _module(_adaptive("avg_pool")),
    "max_pool2d": _window("max_pool", _MAX_POOL_ARGUMENTS),
    "max_pool1d": _window("max_pool", _MAX_POOL_ARGUMENTS),
    "avg_pool2d": _window("avg_pool", _AVG_POOL_ARGUMENTS),
    "avg_pool1d": _window("avg_pool", _AVG_POOL_ARGUMENTS),
}
