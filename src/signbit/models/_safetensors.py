"""The bytes of a `.safetensors` file: bounded before they are parsed, and with a digest of ours.

The digest is the SHA-256 of the whole file with zeros in the digest's place. It is part of our
metadata, so that other programs read the file as ever.
"""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from signbit.errors import CheckpointError, first_line, printable

# Room for thousands of class names; options of 4096 characters name about a thousand layers,
# which takes a second to build.
MAX_METADATA = 1 << 20
_MAX_HEADER = 1 << 22
_MAX_TENSORS = 1 << 15
_METADATA = "signbit"
_DIGEST = "sha256"
_DIGITS = 64
# As JSON inside the text of another JSON has it.
_MARK = b'{\\"' + _DIGEST.encode() + b'\\": \\"'
_NO_DIGEST = "0" * _DIGITS


def metadata_text(header: Mapping[str, Any]) -> str:
    """The text of our metadata, with room for the digest. Raises: TypeError, ValueError."""
    return json.dumps({_DIGEST: _NO_DIGEST} | dict(header))


def to_bytes(tensors: dict[str, Tensor], text: str) -> bytes:
    """A file with tensors and the text of `metadata_text`, digest filled in."""
    content = save(tensors, metadata={_METADATA: text})
    start = content.index(_MARK) + len(_MARK)
    digest = hashlib.sha256(content).hexdigest().encode()
    return content[:start] + digest + content[start + _DIGITS :]


def from_bytes(path: str, content: bytes) -> tuple[dict[str, Tensor], dict[str, Any] | None]:
    """The tensors of a file and our metadata without the digest, None where it has none.

    path: for messages.

    Raises: CheckpointError where the file is damaged, or another than its digest is of.
    """
    text = _own_metadata(path, content)
    header = None if text is None else _parse(path, text)
    _verify(path, content, header)
    try:
        # Each has memory of its own; sorted, as messages list them.
        tensors = dict(sorted(load(content).items()))
    except (SafetensorError, RuntimeError, TypeError, ValueError, KeyError) as error:
        raise _unreadable(path, printable(first_line(error))) from error
    if header is not None:
        header.pop(_DIGEST, None)
    # In an order that is the same each time, as messages list them.
    return dict(sorted(tensors.items())), header


def _own_metadata(path: str, content: bytes) -> str | None:
    """The text of our metadata, from a table that is small enough to be parsed."""
    length = int.from_bytes(content[:8], "little")
    if length > _MAX_HEADER:
        raise _unreadable(path, f"its table has {length} bytes, at most {_MAX_HEADER} are allowed")
    try:
        table = json.loads(content[8 : 8 + length])
    except (ValueError, RecursionError) as error:
        raise _unreadable(path, "its table is not JSON") from error
    if not isinstance(table, dict):
        raise _unreadable(path, "its table is not a JSON object")
    if len(table) > _MAX_TENSORS:
        raise _unreadable(path, f"{len(table)} tensors, at most {_MAX_TENSORS} are allowed")
    metadata = table.get("__metadata__")
    text = metadata.get(_METADATA) if isinstance(metadata, dict) else None
    if isinstance(text, str) and len(text) > MAX_METADATA:
        raise CheckpointError(
            f"{path}: metadata has {len(text)} characters, at most {MAX_METADATA} allowed"
        )
    return text if isinstance(text, str) else None


def _parse(path: str, text: str) -> dict[str, Any]:
    try:
        header = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise CheckpointError(f"{path}: metadata is not JSON: {first_line(error)}") from error
    if not isinstance(header, dict):
        raise CheckpointError(f"{path}: metadata is not a JSON object")
    return header


def _verify(path: str, content: bytes, header: dict[str, Any] | None) -> None:
    """Raises: CheckpointError where the file is not the one that its digest is of.

    A file has a digest where it says so in one of two ways: damage to one leaves the other.
    """
    length = int.from_bytes(content[:8], "little")
    start = content.find(_MARK, 8, 8 + length) + len(_MARK)
    said = None if header is None else header.get(_DIGEST)
    if start < len(_MARK) and said is None:
        return  # written by an earlier version, or by another program
    kept = content[start : start + _DIGITS]
    cleared = content[:start] + _NO_DIGEST.encode() + content[start + _DIGITS :]
    if said != kept.decode("latin-1") or hashlib.sha256(cleared).hexdigest() != said:
        raise CheckpointError(
            f"{path}: damaged, its content is not what its SHA-256 was computed of; copy it anew "
            "or train again"
        )


def _unreadable(path: str, reason: str) -> CheckpointError:
    return CheckpointError(f"{path}: not a readable .safetensors file: {reason}")
