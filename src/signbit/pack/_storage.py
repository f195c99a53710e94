"""Follow the contents of memory while a network runs.

So views and in-place writes need no special cases.
"""

import ctypes
import zlib
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


class Borrowed:
    """Views of constants. Their memory is read in place until something is about to change it.

    All recordings of a network share one such object, because a later recording may change what an
    earlier one has read.
    """

    def __init__(self) -> None:
        # Most views of constants are soon forgotten.
        self._views: dict[int, WeakSet[View]] = {}
        self._checksums: dict[int, int] = {}

    def view(self, tensor: Tensor) -> View:
        """A constant that lies in the tensor's memory.

        Raises: PackError where something changed that memory unseen since it was read.
        """
        view = View(tuple(tensor.shape), tensor.dtype, constants=tensor.detach())
        key = storage_key(tensor)
        if self._views.get(key):
            self._require_unchanged(key, tensor)
        else:
            self._views[key], self._checksums[key] = WeakSet(), _checksum(tensor)
        self._views[key].add(view)
        return view

    def about_to_change(self, tensor: Tensor) -> None:
        """Copy the constants that lie in this memory."""
        for view in self._views.pop(storage_key(tensor), ()):
            assert view.constants is not None
            view.constants = _copied(view.constants)

    def require_unchanged(self) -> None:
        """Raises: PackError where some memory is not what it was when it was read."""
        for key, views in self._views.items():
            for view in list(views)[:1]:
                assert view.constants is not None
                self._require_unchanged(key, view.constants)

    def _require_unchanged(self, key: int, tensor: Tensor) -> None:
        """Torch reports that it is about to change memory. NumPy may share it, and does not."""
        if _checksum(tensor) != self._checksums[key]:
            raise PackError(
                "something other than torch, such as NumPy, changed a constant while the network "
                "ran; change it with torch, or copy it: torch.tensor(array)"
            )


class Storages:
    """The storages that hold numbers that depend on the network's input."""

    def __init__(self, borrowed: Borrowed) -> None:
        self.borrowed = borrowed
        self._contents: dict[int, _Contents] = {}

    def read(self, tensor: Tensor) -> View:
        """The present content of a tensor."""
        shape, dtype = tuple(tensor.shape), tensor.dtype
        contents = self._contents.get(storage_key(tensor))
        if contents is None:
            return self.borrowed.view(tensor)
        written = contents.tensor.dtype
        if dtype != written and not {dtype, written} <= _TRUTHS:
            raise PackError(
                f"reads the memory of {written} as {dtype}; use torch.where, torch.signbit or "
                ".to(), which read the numbers themselves"
            )
        whole = contents.whole
        if whole is not None and contents.geometry == _geometry(tensor):
            return View(shape, dtype, whole=whole)
        elements = lies_at(contents.spread().clone(), tensor).clone()
        constant = elements == CONSTANT
        if bool(constant.all()):
            return self.borrowed.view(tensor)
        held = _copied(tensor) if bool(constant.any()) else None
        return View(shape, dtype, elements=elements, constants=held)

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


def _checksum(tensor: Tensor) -> int:
    """The checksum of the whole storage; 0 where torch alone can change it.

    Torch does not resize memory that NumPy shares, so `resizable` tells the two apart.
    """
    storage = tensor.untyped_storage()
    if storage.resizable() or not storage.nbytes():
        return 0
    return zlib.crc32((ctypes.c_char * storage.nbytes()).from_address(storage.data_ptr()))


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
