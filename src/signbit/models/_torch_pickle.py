"""The pickle in a file of `torch.save`: tensors in the storages of the file, and plain values."""

from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor

from signbit.pickles import ALL_STEPS, Budget, Dialect, Name, dict_of

_MAX_AXES = 16
_MAX_IDENTITY = 6

_TYPES = {
    **{"FloatStorage": torch.float32, "DoubleStorage": torch.float64},
    **{"HalfStorage": torch.float16, "BFloat16Storage": torch.bfloat16},
    **{"LongStorage": torch.int64, "IntStorage": torch.int32, "ShortStorage": torch.int16},
    **{"CharStorage": torch.int8, "ByteStorage": torch.uint8, "BoolStorage": torch.bool},
    **{"ComplexFloatStorage": torch.complex64, "ComplexDoubleStorage": torch.complex128},
}
# Other things that a file may hold: numbers of NumPy, settings, devices.
_INERT_MODULES = ("numpy", "torch._utils")
_INERT = (
    *("argparse.Namespace", "collections.Counter", "collections.defaultdict", "_codecs.encode"),
    *("builtins.set", "builtins.complex", "builtins.bytearray", "__builtin__.set"),
    *("__builtin__.bytearray", "__builtin__.complex", "torch.device", "torch.Tensor"),
    *("torch.serialization._get_layout", "torch.dtype"),
)


class _Storage(NamedTuple):
    """A part of a storage of the file: `numel` numbers of this type, from number `start` on."""

    key: str
    dtype: torch.dtype
    start: int
    numel: int


def tensor_dialect(
    size: int,
    memory: Callable[[str], Tensor | None],
    only_plain: bool,
    wanted: dict[str, torch.dtype] | None = None,
) -> Dialect:
    """How the pickles of a file of `size` bytes describe tensors.

    memory: the bytes of a storage by its key; None where they are not known yet.
    only_plain: also refuse the other objects that old files may hold.
    wanted: the keys of all storages and their types are written into it.
    """

    def persistent(identity: Any) -> _Storage:
        # The parts of the identity are copied each time that the file names it.
        if type(identity) is not tuple or len(identity) > _MAX_IDENTITY:
            raise ValueError("a persistent id that is no storage")
        kind, storage, key, _, numel, *view = identity
        dtype = storage.meaning if isinstance(storage, Name) else None
        if kind != "storage" or not isinstance(dtype, torch.dtype) or type(key) is not str:
            raise ValueError("a persistent id that is no storage")
        start = 0
        if view and view[0] is not None:
            _, start, numel = view[0]
        if wanted is not None and wanted.setdefault(key, dtype) != dtype:
            raise ValueError(f"storage {key[:100]!r} has two types")
        return _Storage(key, dtype, _count(start), _count(numel))

    def tensor(storage: Any, offset: Any, size: Any, stride: Any, *more: Any) -> Any:
        if not isinstance(storage, _Storage):
            raise ValueError("a tensor without a storage")
        # The values after requires_grad and hooks say whether to negate or conjugate the numbers.
        if any(more[2:]):
            raise ValueError("a tensor that is a negative or conjugate view; clone it first")
        bytes_of_it = memory(storage.key)
        return None if bytes_of_it is None else _view(bytes_of_it, storage, offset, size, stride)

    budget = Budget(size)

    def ordered(pairs: Any = ()) -> dict[Any, Any]:
        budget.spend(len(pairs))
        return dict_of([key for key, _ in pairs], [value for _, value in pairs])

    functions: dict[str, Any] = {f"torch.{name}": dtype for name, dtype in _TYPES.items()}
    functions |= {
        "collections.OrderedDict": ordered,
        "torch._utils._rebuild_tensor": tensor,
        "torch._utils._rebuild_tensor_v2": tensor,
        "torch._utils._rebuild_parameter": _first,
        "torch._utils._rebuild_parameter_with_state": _first,
        "torch.Size": _first,
    }
    inert = _nothing if only_plain else _is_inert
    return Dialect(ALL_STEPS, "latin1", functions, inert, persistent)


def _view(memory: Tensor, storage: _Storage, offset: Any, size: Any, stride: Any) -> Tensor:
    """A tensor in its storage. Raises: ValueError if it would reach past the end of the storage."""
    numbers = memory.view(storage.dtype)
    if len(size) > _MAX_AXES:
        raise ValueError(f"a tensor of {len(size)} axes; at most {_MAX_AXES} are allowed")
    end = storage.start + storage.numel
    offset, size, stride = _count(offset), [*map(_count, size)], [*map(_count, stride)]
    last = sum((n - 1) * step for n, step in zip(size, stride, strict=True))
    if end > len(numbers) or (0 not in size and storage.start + offset + last >= end):
        raise ValueError(f"a tensor of shape {size} reaches past its storage")
    return numbers.as_strided(size, stride, storage.start + offset)


def _count(value: Any) -> int:
    if type(value) is not int or not 0 <= value < 1 << 62:
        raise ValueError("a size that is not a count")
    return value


def _first(value: Any, *_: Any) -> Any:
    return value


def _nothing(name: str) -> bool:
    return False


def _is_inert(name: str) -> bool:
    module, _, attribute = name.rpartition(".")
    dtype = module == "torch" and isinstance(getattr(torch, attribute, None), torch.dtype)
    return dtype or name in _INERT or name.startswith(tuple(f"{m}." for m in _INERT_MODULES))
