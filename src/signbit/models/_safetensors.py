"""The bytes of a `.safetensors` file: bounded before they are parsed, and with a digest of ours.

The digest is the SHA-256 of the whole file with zeros in the digest's place. It is part of our
metadata, so that other programs read the file as ever.
"""

import json
from collections.abc import Mapping
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor, nn

from signbit import strict_json
from signbit.errors import CheckpointError, first_line, printable
from signbit.format.digest import PLACEHOLDER, is_sealed, sealed
from signbit.format.header import Header, read_header

# Room for thousands of class names; options of 4096 characters name about a thousand layers,
# which takes a second to build.
MAX_METADATA = 1 << 20
_MAX_HEADER = 1 << 22
_MAX_TENSORS = 1 << 15
# The entry of a tensor of four axes counts as ten.
_MAX_VALUES = 16 * _MAX_TENSORS
_METADATA = "signbit"
_DIGEST = "sha256"
# As JSON inside the text of another JSON has it.
_MARK = b'{\\"' + _DIGEST.encode() + b'\\": \\"'


def metadata_text(header: Mapping[str, Any]) -> str:
    """The text of our metadata, with room for the digest. Raises: TypeError, ValueError."""
    # It stands first: no text after it can be taken for the digest.
    text = json.dumps({_DIGEST: PLACEHOLDER} | dict(header))
    _loads(text)
    return text


def to_bytes(tensors: dict[str, Tensor], text: str) -> bytes:
    """A file with tensors and the text of `metadata_text`, digest filled in."""
    content = save(tensors, metadata={_METADATA: text})
    return sealed(content, _read_header(content).end)


def contiguous_copies(module: nn.Module) -> dict[str, Tensor]:
    """All parameters and buffers on the CPU, each in memory of its own, as a file needs them."""
    # A tied weight stands under each of its keys.
    return {
        key: value.detach().cpu().clone(memory_format=torch.contiguous_format)
        for key, value in module.state_dict().items()
    }


def from_bytes(path: str, content: bytes) -> tuple[dict[str, Tensor], dict[str, Any] | None]:
    """The tensors of a file and our metadata without the digest, None where it has none.

    path: for messages.

    Raises: CheckpointError where the file is damaged, or another than its digest is of.
    """
    try:
        table = _read_header(content)
    except ValueError as error:
        raise _unreadable(path, printable(str(error))) from error
    header = _own_metadata(path, table)
    _verify(path, content, table.end, header)
    try:
        # Each has memory of its own; sorted, as messages list them.
        tensors = dict(sorted(load(content).items()))
    except (SafetensorError, RuntimeError, TypeError, ValueError, KeyError) as error:
        raise _unreadable(path, printable(first_line(error))) from error
    if header is not None:
        header.pop(_DIGEST, None)
    # In an order that is the same each time, as messages list them.
    return dict(sorted(tensors.items())), header


def _read_header(content: bytes) -> Header:
    header = read_header(content, _MAX_HEADER, _MAX_VALUES, called="table")
    if len(header.tensors) > _MAX_TENSORS:
        raise ValueError(f"{len(header.tensors)} tensors, at most {_MAX_TENSORS} are allowed")
    return header


def _own_metadata(path: str, table: Header) -> dict[str, Any] | None:
    """Our metadata, from a text that is small enough to be parsed."""
    text = table.metadata.get(_METADATA)
    if not isinstance(text, str):
        return None
    if len(text) > MAX_METADATA:
        raise CheckpointError(
            f"{path}: metadata has {len(text)} characters, at most {MAX_METADATA} allowed"
        )
    try:
        header = _loads(text)
    except ValueError as error:
        raise CheckpointError(f"{path}: metadata: not JSON: {printable(str(error))}") from error
    if not isinstance(header, dict):
        raise CheckpointError(f"{path}: metadata: not a JSON object")
    return header


def _loads(text: str) -> Any:
    # The info names folders, and its figures need not be finite.
    return strict_json.loads(text, most_values=MAX_METADATA, from_python=True)


def _verify(path: str, content: bytes, table_end: int, header: dict[str, Any] | None) -> None:
    """Raises: CheckpointError where the file is not the one that its digest is of.

    A file has a digest where it says so in one of two ways: damage to one leaves the other.
    """
    said = None if header is None else header.get(_DIGEST)
    if said is None and _MARK not in content[:table_end]:
        return  # written by an earlier version, or by another program
    if not is_sealed(content, table_end, said):
        raise CheckpointError(
            f"{path}: damaged, its content is not what its SHA-256 was computed of; copy it anew "
            "or train again"
        )


def _unreadable(path: str, reason: str) -> CheckpointError:
    return CheckpointError(f"{path}: not a readable .safetensors file: {reason}")
