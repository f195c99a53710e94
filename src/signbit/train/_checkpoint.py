"""The checkpoint that a run resumes from."""

import hashlib
import io
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from lightning.fabric.plugins import CheckpointIO

from signbit.errors import CheckpointError, UsageError, printable
from signbit.files import atomic_write
from signbit.models import parse_torch_file, read_bytes

_FACTS = "signbit"
# As many differences as fit on a line, of as many as a run can have.
_NAMED = 3
_MOST_FACTS = 1000

# The digest is the comment of the zip archive, so that it remains one.
_END, _END_BYTES = b"PK\x05\x06", 22
_MARK, _DIGITS = b"signbit sha256 ", 64
_COMMENT = len(_MARK) + _DIGITS


class RunCheckpointIO(CheckpointIO):
    """Checkpoints of one run, written whole or not at all, and read without running code.

    The file is a zip archive of `torch.save`, whose comment is the SHA-256 of all bytes before.

    facts: nested plain values that say what is trained, and on what. A checkpoint with others is
        refused: going on with it would mix two runs.
    """

    def __init__(self, facts: Mapping[str, Any]):
        self.facts = facts

    def save_checkpoint(self, checkpoint: Any, path: Any, storage_options: Any = None) -> None:
        """Write to memory first, so that a full disk is an OSError, not a torn archive."""
        buffer = io.BytesIO()
        torch.save({**checkpoint, _FACTS: dict(self.facts)}, buffer)
        atomic_write(path, with_digest(buffer.getvalue()))

    def load_checkpoint(
        self, path: Any, map_location: Any = None, weights_only: bool | None = None
    ) -> dict[str, Any]:
        """Tensors, on the CPU, and plain values only, once all bytes are seen to be right.

        Raises: CheckpointError; UsageError for other facts.
        """
        shown = printable(str(path))
        content = read_bytes(path)
        _verify(shown, content)
        checkpoint = parse_torch_file(shown, content)
        facts = checkpoint.get(_FACTS) if isinstance(checkpoint, dict) else None
        if not isinstance(facts, dict):
            raise CheckpointError(
                f"{shown}: does not say which run it is of, as those of this version do; train anew"
            )
        # Compared before they are made flat: ours have an end.
        if facts != self.facts:
            differ = _differences(_flat(shown, facts), _flat(shown, self.facts))
            more = f" and {len(differ) - _NAMED} more" if len(differ) > _NAMED else ""
            raise UsageError(
                f"{shown} was trained with {'; '.join(differ[:_NAMED])}{more}. Set it back to go "
                "on, or train in a new folder"
            )
        return checkpoint

    def remove_checkpoint(self, path: Any) -> None:
        """Delete a file that may be gone already."""
        Path(path).unlink(missing_ok=True)


def with_digest(archive: bytes) -> bytes:
    """An archive that has no comment, with the digest as one."""
    assert _end_at(archive, len(archive) - _END_BYTES, 0)
    told = archive[:-2] + _COMMENT.to_bytes(2, "little") + _MARK
    return told + hashlib.sha256(told).hexdigest().encode()


def _verify(path: str, content: bytes) -> None:
    """Raises: CheckpointError where one bit is another than those that were written.

    Archives of earlier versions have no comment; damage to a digest does not make one of those.
    """
    body, digest = content[:-_DIGITS], content[-_DIGITS:]
    if hashlib.sha256(body).hexdigest().encode() == digest and body.endswith(_MARK):
        return
    if not _end_at(content, len(content) - _END_BYTES, 0):
        raise CheckpointError(
            f"{path}: damaged, its content is not what its SHA-256 was computed of; copy it anew, "
            "or delete it and train again"
        )


def _end_at(content: bytes, place: int, comment: int) -> bool:
    """Whether an archive ends with its last record there and a comment of that length."""
    record = content[max(place, 0) : max(place, 0) + _END_BYTES]
    return record.startswith(_END) and record[-2:] == comment.to_bytes(2, "little")


def _flat(path: str, facts: Mapping[str, Any]) -> dict[str, Any]:
    """Nested facts by dotted names. Raises: CheckpointError where they are too many."""
    flat: dict[str, Any] = {}
    for count, (name, value) in enumerate(_walk(facts, "")):
        if count == _MOST_FACTS:
            raise CheckpointError(f"{path}: says too much of its run; it is of no run of signbit")
        flat[name] = value
    return flat


def _walk(facts: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, Any]]:
    for key, value in facts.items():
        name = f"{prefix}{key}"
        if isinstance(value, Mapping):
            yield from _walk(value, f"{name}.")
        else:
            yield name, value


def _differences(found: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    return [
        printable(f"{name} {found.get(name)!r}, now {now.get(name)!r}")
        for name in {**now, **found}
        if found.get(name) != now.get(name)
    ]
