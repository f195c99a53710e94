"""Write and read the bytes of a `.safetensors` file, with limits on its size and with a digest.

The digest is the SHA-256 of the whole file with zeros in place of the digest. It is part of our
metadata, so that other programs can read the file as usual.
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

# Enough for thousands of class names.
MAX_METADATA = 1 << 20
_MAX_HEADER = 1 << 22
_MAX_TENSORS = 1 << 15
# The entry of a tensor with four axes counts as ten values.
_MAX_VALUES = 16 * _MAX_TENSORS
_METADATA = "signbit"
_DIGEST = "sha256"
# As it is written in JSON that is a text inside other JSON.
_MARK = b'{\\"' + _DIGEST.encode() + b'\\": \\"'


def metadata_text(header: Mapping[str, Any]) -> str:
    """The text of our metadata, with room for the digest. Raises: TypeError, ValueError."""
    # The digest comes first, so that no later text can be mistaken for it.
    text = json.dumps({_DIGEST: PLACEHOLDER} | dict(header))
    _loads(text)
    return text


def to_bytes(tensors: dict[str, Tensor], text: str) -> bytes:
    """The bytes of a file with tensors and the text of `metadata_text`, with the digest."""
    content = save(tensors, metadata={_METADATA: text})
    return sealed(content, _read_header(content).end)


def contiguous_copies(module: nn.Module) -> dict[str, Tensor]:
    """Copies of all parameters and buffers on the CPU. No two copies share memory."""
    # A tied weight is copied once for each of its keys.
    return {
        key: value.detach().cpu().clone(memory_format=torch.contiguous_format)
        for key, value in module.state_dict().items()
    }


def from_bytes(path: str, content: bytes) -> tuple[dict[str, Tensor], dict[str, Any] | None]:
    """The tensors of a file, and our metadata without the digest (None if the file has none).

    path: the name of the file in messages.

    Raises: CheckpointError if the file is damaged or does not fit its digest.
    """
    try:
        table = _read_header(content)
    except ValueError as error:
        raise _unreadable(path, printable(str(error))) from error
    header = _own_metadata(path, table)
    _verify(path, content, table.end, header)
    try:
        # Each tensor has memory of its own.
        tensors = dict(sorted(load(content).items()))
    except (SafetensorError, RuntimeError, TypeError, ValueError, KeyError) as error:
        raise _unreadable(path, printable(first_line(error))) from error
    if header is not None:
        header.pop(_DIGEST, None)
    # Sorted, so that messages list them in the same order each time.
    return dict(sorted(tensors.items())), header


def _read_header(content: bytes) -> Header:
    header = read_header(content, _MAX_HEADER, _MAX_VALUES, called="table")
    if len(header.tensors) > _MAX_TENSORS:
        raise ValueError(f"{len(header.tensors)} tensors; at most {_MAX_TENSORS} are allowed")
    return header


def _own_metadata(path: str, table: Header) -> dict[str, Any] | None:
    """Our metadata; a text that is too large is not parsed."""
    text = table.metadata.get(_METADATA)
    if not isinstance(text, str):
        return None
    if len(text) > MAX_METADATA:
        raise CheckpointError(
            f"{path}: metadata has {len(text)} characters; at most {MAX_METADATA} are allowed"
        )
    try:
        header = _loads(text)
    except ValueError as error:
        raise CheckpointError(f"{path}: metadata: not JSON: {printable(str(error))}") from error
    if not isinstance(header, dict):
        raise CheckpointError(f"{path}: metadata: not a JSON object")
    return header


def _loads(text: str) -> Any:
    # The info may name folders and hold figures that are not finite.
    return strict_json.loads(text, most_values=MAX_METADATA, from_python=True)


def _verify(path: str, content: bytes, table_end: int, header: dict[str, Any] | None) -> None:
    """Raises: CheckpointError if the file does not fit its digest.

    Two places can show that a file has a digest: our metadata and the mark in the bytes. Damage to
    one of them does not hide the digest.
    """
    said = None if header is None else header.get(_DIGEST)
    if said is None and _MARK not in content[:table_end]:
        return  # written by an earlier version, or by another program
    if not is_sealed(content, table_end, said):
        raise CheckpointError(
            f"{path}: damaged: its content does not fit its SHA-256; copy it again, or train again"
        )


def _unreadable(path: str, reason: str) -> CheckpointError:
    return CheckpointError(f"{path}: not a readable .safetensors file: {reason}")
