"""Run a network, and note each operator of ATen that torch runs for it.

Torch itself handles Python's control flow, shapes, optional arguments, hooks, parametrizations,
in-place operations and `.data`. The notes show what was really computed.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import _disable_current_modes

from signbit.errors import PackError, first_line
from signbit.pack._moves import MOVES, moved
from signbit.pack._outputs import Run
from signbit.pack._place import Place, Places, is_outermost
from signbit.pack._signature import Signature, signature, tensors_in, with_tensors
from signbit.pack._storage import Borrowed, Storages, storage_key
from signbit.pack._straight_through import Sums, cancelled, cancelled_constant, note_sum
from signbit.pack._view import OperatorCall, Result, View, views_in
from signbit.pack._watcher import Watcher, as_written

# These operators read only shapes and types.
_SHAPE_ONLY = frozenset(
    (
        *("zeros_like", "ones_like", "full_like", "empty_like"),
        *("new_zeros", "new_ones", "new_full", "new_empty", "new_empty_strided"),
        *("sym_size", "sym_stride", "sym_numel"),
    )
)
_SAME_NUMBERS = frozenset(("clone", "lift_fresh", "lift_fresh_copy", "alias_copy", "_to_copy"))
_CONSTANTS = frozenset(("zero", "fill"))
_OVERWRITES = _CONSTANTS | {"copy"}
# Arguments that no operator reads.
_WRITTEN_ANEW = ("out", "noise")
_LOOK_AT_VALUES = {
    "_local_scalar_dense": "a Python number or decision",
    "equal": "a Python decision",
    "is_nonzero": "a Python decision",
    "nonzero": "a shape",
    "masked_select": "a shape",
}
# How far rounding in a detour for a gradient may change a number, as a share of it.
_DETOUR = 1e-3
# These functions read memory without an operator.
_LEAVES: Mapping[Any, str] = {
    Tensor.numpy: "a NumPy array",
    Tensor.__array__: "a NumPy array",
    Tensor.tolist: "a list of Python numbers",
}


class Recording(NamedTuple):
    """The operators that ran, in their order, the network's inputs, and its outputs.

    kept: the memory that holds numbers of its images. Later calls may read it.
    borrowed: the constants that it read in place, without a copy.
    """

    calls: Sequence[OperatorCall]
    place: Place
    inputs: Sequence[Result]
    outputs: Sequence[View]
    kept: Mapping[int, Any]
    borrowed: Borrowed


@is_outermost
def record(run: Run, examples: Sequence[Tensor], *earlier: Recording) -> Recording:
    """Run the network on a batch of two.

    earlier: the earlier recordings of the same network, in their order.

    Raises: PackError where it cannot run, or does not run the same operators for every input.
    """
    state = [*run.model.parameters(), *run.model.buffers()]
    places = Places(run.model)
    recorder = _Recorder(places, {storage_key(tensor) for tensor in state}, earlier)
    # A network may change its input in place.
    own = [example.clone() for example in examples]
    starts = [recorder.begin(example) for example in own]
    try:
        followed, watch = recorder.places.followed(), _Watch(recorder.left)
        with as_written(), torch.no_grad(), followed, recorder, watch:
            outputs = run(*own)
    except Exception as error:
        if recorder.refusal is not None:
            raise recorder.refusal from None
        if isinstance(error, PackError):
            raise
        raise PackError(
            f"{places.here()}: cannot run on input of shape {_shapes(examples)}, a batch of two: "
            f"{first_line(error)}; give a preprocessing, or inputs=[...] in the order of its "
            "forward, with the sizes and channels that it needs"
        ) from error
    if recorder.refusal is not None:
        raise recorder.refusal
    returned = [recorder.view(output) for output in outputs]
    storages = recorder.storages
    try:
        storages.borrowed.require_unchanged()
    except PackError as error:
        raise PackError(f"{places.here()}: {error}") from None
    kept = storages.weak_references()
    return Recording(
        recorder.calls, starts[0].call.place, starts, returned, kept, storages.borrowed
    )


def _shapes(examples: Sequence[Tensor]) -> str:
    return " and ".join(str(tuple(one.shape)) for one in examples)


class _Watch(TorchFunctionMode):
    """Sees functions of torch that are not operators."""

    def __init__(self, left: Callable[[Tensor, str], None]):
        super().__init__()
        self._left = left

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func in _LEAVES:
            self._left(args[0], _LEAVES[func])
        return func(*args, **(kwargs or {}))


class _Recorder(Watcher):
    def __init__(self, places: Places, state: set[int], earlier: Sequence[Recording]):
        super().__init__()
        self._state, self._earlier = state, dict[int, Any]()
        for one in earlier:
            self._earlier.update(one.kept)
        self.places = places
        self.storages = Storages(earlier[-1].borrowed if earlier else Borrowed())
        self.calls: list[OperatorCall] = []
        self.refusal: PackError | None = None
        self._elements, self._position = 0, -1
        self._sums: Sums = {}

    def begin(self, example: Tensor) -> Result:
        call = OperatorCall("input", None, {}, self.places.here()._replace(line=""), -1)
        result = self._result(call, 0, example)
        self.storages.write(example, result)
        return result

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if not isinstance(func, torch._ops.OpOverload):
            self._refuse(
                f"{func} runs functions of its own; call them directly, because what runs must "
                "not depend on the input"
            )
        whole = self.run_as_parts(func, args, kwargs or {})
        if whole is not NotImplemented:
            return whole
        self._position += 1
        schema = signature(func)
        plain, arguments = schema.name, schema.bound(args, kwargs or {})
        views = {id(tensor): self._read(tensor) for tensor in tensors_in(arguments)}
        if plain in _LOOK_AT_VALUES and any(view.earlier for view in views.values()):
            self._refuse(
                f"{plain} makes {_LOOK_AT_VALUES[plain]} from numbers that an earlier call kept "
                "from its images; run the network on images of its task before you pack it"
            )
        written = schema.tensors_written(arguments)
        if not schema.random and all(view.is_constant for view in views.values()):
            views.clear()
            self._announce(written)
            return self._on_constants(func, plain, arguments, written, args, kwargs or {})
        if plain in _LOOK_AT_VALUES:
            self._refuse(
                f"{plain} makes {_LOOK_AT_VALUES[plain]} from values that depend on the input; let "
                "the same operators run for every image (torch.where chooses between values)"
            )
        noted = with_tensors(arguments, lambda one: views[id(one)])
        # Memory that is written anew: what it held before does not count.
        for name in _WRITTEN_ANEW:
            noted.pop(name, None)
        self._announce(written)
        out = func(*args, **(kwargs or {}))
        # A change of a view in place: its numbers stay where they are in memory.
        if plain not in _SHAPE_ONLY and not schema.changes_view:
            self._note(func, schema, noted, written, out)
        return out

    def _announce(self, written: Sequence[Tensor]) -> None:
        for tensor in written:
            self.storages.borrowed.about_to_change(tensor)

    def view(self, tensor: Tensor) -> View:
        """The content of a tensor."""
        found = self.storages.read(tensor)
        found.earlier = found.constants is not None and storage_key(tensor) in self._earlier
        return found

    def left(self, tensor: Tensor, form: str) -> None:
        """Refuse code that takes numbers out of torch, where they depend on images."""
        # Outside of the dispatch, the operators that run here would be noted.
        with _disable_current_modes():
            found = self._read(tensor)
            # From here on NumPy may change it, and torch would not notice.
            self.storages.borrowed.about_to_change(tensor)
        if not found.is_constant or found.earlier:
            self._refuse(
                f"makes {form} from values that depend on the input, and it may decide what runs; "
                "compute with torch, and remove hooks that only watch"
            )

    def _read(self, tensor: Tensor) -> View:
        if tensor.layout != torch.strided:
            self._refuse(f"reads a tensor of layout {tensor.layout}; call to_dense() on it")
        try:
            return self.view(tensor)
        except PackError as error:
            self._refuse(str(error))
            raise AssertionError from None

    def _refuse(self, reason: str) -> None:
        """Raise an error. It is raised again at the end, because the network may catch it here."""
        self.refusal = PackError(f"{self.places.here()}: {reason}")
        raise self.refusal

    def _on_constants(
        self,
        func: Any,
        name: str,
        arguments: dict[str, Any],
        written: Sequence[Tensor],
        args: Any,
        kwargs: Any,
    ) -> Any:
        """Run an operator on constants. A detour for the gradient does not round its result."""
        clean = cancelled_constant(self._sums, name, arguments)
        earlier = self._of_earlier(name, arguments)
        out = func(*args, **kwargs)
        for tensor in tensors_in(out):
            self._mark(tensor, earlier)
        for tensor in written:
            self.storages.forget_whole(tensor)
        # Code may add a number and subtract it again in order to round.
        if clean is not None and torch.allclose(out, clean, rtol=_DETOUR, atol=0, equal_nan=True):
            out.copy_(clean)
        note_sum(self._sums, name, arguments, out)
        return out

    def _of_earlier(self, name: str, arguments: dict[str, Any]) -> bool:
        """Whether constants that an operator reads come from the images of an earlier call."""
        if not self._earlier:
            return False
        unread = {"out", "self"} if name in _OVERWRITES else {"out"}
        read = [value for argument, value in arguments.items() if argument not in unread]
        return any(storage_key(tensor) in self._earlier for tensor in tensors_in(read))

    def _mark(self, tensor: Tensor, earlier: bool) -> None:
        """Note whether a tensor's memory, written just now, holds such constants."""
        if not earlier and not self._earlier:
            return
        key = storage_key(tensor)
        if earlier:
            # While the tensor lives, its address is not used again.
            self._earlier.setdefault(key, tensor.detach())
        elif tensor.numel() * tensor.element_size() == tensor.untyped_storage().nbytes():
            self._earlier.pop(key, None)

    def _note(
        self,
        func: Any,
        schema: Signature,
        noted: dict[str, Any],
        written: Sequence[Tensor],
        out: Any,
    ) -> None:
        name = schema.name
        if name in _CONSTANTS and all(one.is_constant for one in _others(noted)):
            self.storages.forget_whole(written[0])
            return
        # An operator may write one argument, and also return a new tensor.
        others = [one for one in tensors_in(out) if not _is_one_of(one, written)]
        outputs = [*written, *others]
        same = self._same_numbers(func, name, noted, outputs, bool(written))
        if same is not None:
            self.storages.write_elements(outputs[0], same)
            return
        call = OperatorCall(name, func, noted, self.places.here(), len(self.calls), self._position)
        call.writes_state = any(storage_key(one) in self._state for one in written)
        new = [one for one in outputs if written or not self.storages.holds(one)]
        if not new:
            return
        self.calls.append(call)
        for index, tensor in enumerate(new):
            result = self._result(call, index, tensor)
            call.results.append(result)
            self.storages.write(tensor, result)

    def _same_numbers(
        self, func: Any, name: str, noted: dict[str, Any], outputs: Sequence[Tensor], in_place: bool
    ) -> View | None:
        """The content of the output, where all its numbers are numbers of its inputs."""
        if len(outputs) != 1:
            return None
        (output,) = outputs
        if name in _SAME_NUMBERS:
            source = next(iter(noted.values()))
            return source if source.dtype == output.dtype else None
        if name == "copy":
            return _expanded(noted["src"], output, noted["self"].dtype)
        if name in MOVES and (in_place or not self.storages.holds(output)):
            return moved(func, noted, output)
        return cancelled(name, noted)

    def _result(self, call: OperatorCall, output: int, tensor: Tensor) -> Result:
        result = Result(call, output, tuple(tensor.shape), self._elements)
        self._elements += tensor.numel()
        return result


def _others(noted: dict[str, Any]) -> list[View]:
    """The views that an operator reads, without the one that it changes."""
    return [one for name, value in noted.items() if name != "self" for one in views_in(value)]


def _is_one_of(tensor: Tensor, others: Sequence[Tensor]) -> bool:
    return any(storage_key(tensor) == storage_key(other) for other in others)


def _expanded(source: Any, output: Tensor, dtype: torch.dtype) -> View | None:
    if source.dtype != dtype:
        return None
    if source.shape == tuple(output.shape):
        return source
    return View(tuple(output.shape), dtype, elements=source.numbered().expand(output.shape))
