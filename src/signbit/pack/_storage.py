"""Follow the contents of memory while a network runs.

So views and in-place writes need no special cases.
"""

from dataclasses import dataclass
from weakref import WeakSet

import torch
from torch import Tensor
from torch.multiprocessing.reductions import StorageWeakRef

from signbit.errors import PackError
from signbit.pack._view import CONSTANT, Result, View

# Types whose 0 and 1 have the same bytes in memory.
_TRUTHS = {torch.bool, torch.uint8, torch.int8}


@dataclass
class _Contents:
    """The contents of one storage: either one whole result, or the number of each element.

    tensor: keeps the storage alive, so that no other storage gets its address.
    """

    tensor: Tensor
    whole: Result | None
    elements: Tensor | None = None

    @property
    def geometry(self) -> tuple[object, ...]:
        """The place of the whole result in the storage."""
        return _geometry(self.tensor)

    @property
    def depends(self) -> bool:
        """Whether anything in it depends on the network's input."""
        return self.elements is None or bool((self.elements != CONSTANT).any())

    def spread(self) -> Tensor:
        """The element at each position of the storage."""
        if self.elements is None:
            tensor = self.tensor
            length = tensor.untyped_storage().nbytes() // max(tensor.element_size(), 1)
            self.elements = torch.full((length,), CONSTANT)
            if self.whole is not None:
                lies_at(self.elements, tensor).copy_(self.whole.elements)
            self.whole = None
        return self.elements


class Storages:
    """The storages that hold numbers that depend on the network's input."""

    def __init__(self) -> None:
        self._contents: dict[int, _Contents] = {}
        # Most views of constants are soon freed.
        self._shared: dict[int, WeakSet[View]] = {}
        self._changed: set[int] = set()

    def read(self, tensor: Tensor) -> View:
        """The present content of a tensor."""
        shape, dtype = tuple(tensor.shape), tensor.dtype
        contents = self._contents.get(storage_key(tensor))
        if contents is None:
            return self._constant(tensor)
        written = contents.tensor.dtype
        if dtype != written and not {dtype, written} <= _TRUTHS:
            raise PackError(
                f"reads the memory of {written} as {dtype}; torch.where, torch.signbit or .to() "
                "tell the same of the numbers themselves"
            )
        whole = contents.whole
        if whole is not None and contents.geometry == _geometry(tensor):
            return View(shape, dtype, whole=whole)
        elements = lies_at(contents.spread().clone(), tensor).clone()
        constant = elements == CONSTANT
        if bool(constant.all()):
            return self._constant(tensor)
        held = _copied(tensor) if bool(constant.any()) else None
        return View(shape, dtype, elements=elements, constants=held)

    def _constant(self, tensor: Tensor) -> View:
        """A view of constants. Their memory is not copied until something is about to change it."""
        view = View(tuple(tensor.shape), tensor.dtype, constants=tensor.detach())
        self._shared.setdefault(storage_key(tensor), WeakSet()).add(view)
        return view

    def about_to_change(self, tensor: Tensor) -> None:
        """Copy constants that are in this memory."""
        self._changed.add(storage_key(tensor))
        self._part_with(storage_key(tensor))

    def settle(self) -> None:
        """Copy constants in all memory that was changed: the next call may change it again."""
        for key in self._changed:
            self._part_with(key)

    def _part_with(self, key: int) -> None:
        for view in self._shared.pop(key, ()):
            assert view.constants is not None
            view.constants = _copied(view.constants)

    def holds(self, tensor: Tensor) -> bool:
        """Whether the tensor's memory is known."""
        return storage_key(tensor) in self._contents

    def weak_references(self) -> dict[int, StorageWeakRef]:
        """A weak reference to each storage, by address. It keeps the address from being reused."""
        held = [one.tensor.untyped_storage() for one in self._contents.values() if one.depends]
        return {storage._cdata: StorageWeakRef(storage) for storage in held}

    def write(self, tensor: Tensor, result: Result) -> None:
        """The tensor now holds this result."""
        contents = self._contents.get(storage_key(tensor))
        if contents is None or contents.geometry == _geometry(tensor):
            self._contents[storage_key(tensor)] = _Contents(tensor.detach(), result)
            return
        lies_at(contents.spread(), tensor).copy_(result.elements)

    def write_elements(self, tensor: Tensor, view: View) -> None:
        """The tensor now holds what the view holds, in the tensor's shape."""
        if view.whole is not None and tuple(tensor.shape) == view.shape:
            self.write(tensor, view.whole)
            return
        contents = self._contents.get(storage_key(tensor))
        if contents is None:
            contents = self._contents[storage_key(tensor)] = _Contents(tensor.detach(), None)
        lies_at(contents.spread(), tensor).copy_(view.numbered())

    def forget_whole(self, tensor: Tensor) -> None:
        """The tensor now holds constants."""
        contents = self._contents.get(storage_key(tensor))
        if contents is not None:
            lies_at(contents.spread(), tensor).fill_(CONSTANT)


def _copied(tensor: Tensor) -> Tensor:
    """The values of a tensor; an expanded one stays expanded."""
    repeated = [
        side > 1 and step == 0 for side, step in zip(tensor.shape, tensor.stride(), strict=True)
    ]
    own = tensor.detach()[tuple(slice(0, 1) if one else slice(None) for one in repeated)]
    return own.clone().expand(tensor.shape)


def lies_at(elements: Tensor, tensor: Tensor) -> Tensor:
    """View the elements of a storage in the same way as the tensor views its storage."""
    return torch.as_strided(elements, tensor.shape, tensor.stride(), tensor.storage_offset())


def storage_key(tensor: Tensor) -> int:
    """The address of a tensor's storage; it is valid while the storage lives."""
    return tensor.untyped_storage()._cdata


def _geometry(tensor: Tensor) -> tuple[object, ...]:
    return tuple(tensor.shape), tensor.stride(), tensor.storage_offset()
