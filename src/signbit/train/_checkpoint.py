"""The checkpoint that a run resumes from."""

import hashlib
import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from lightning.fabric.plugins import CheckpointIO

from signbit.errors import CheckpointError, UsageError, printable
from signbit.files import atomic_write
from signbit.models import parse_torch_file, read_bytes

_FACTS = "signbit"
# The number of differences that fit on a line.
_NAMED, _SHOWN = 3, 300
# Enough for the names of a thousand classes and for the options of a model.
_MOST_FACTS, _MOST_LEVELS = 1 << 17, 20

# The digest is the comment of the zip archive, so the file remains a zip archive.
_END, _END_BYTES = b"PK\x05\x06", 22
_MARK, _DIGITS = b"signbit sha256 ", 64
_COMMENT = len(_MARK) + _DIGITS


class RunCheckpointIO(CheckpointIO):
    """Checkpoints of one run, written whole or not at all, and read without running code.

    The file is a zip archive of `torch.save`. Its comment is the SHA-256 of all bytes before it.

    facts: nested plain values that describe what is trained, and on which data. A checkpoint with
        other facts is refused, because it belongs to another run.
    """

    def __init__(self, facts: Mapping[str, Any]):
        self.facts = facts

    def save_checkpoint(self, checkpoint: Any, path: Any, storage_options: Any = None) -> None:
        """Write to memory first, so that a full disk gives an OSError and not half an archive."""
        buffer = io.BytesIO()
        torch.save({**checkpoint, _FACTS: dict(self.facts)}, buffer)
        atomic_write(path, with_digest(buffer.getvalue()))

    def load_checkpoint(
        self, path: Any, map_location: Any = None, weights_only: bool | None = None
    ) -> dict[str, Any]:
        """Compare the digest of all bytes, then read tensors and plain values, on the CPU.

        Raises: CheckpointError if the file is damaged; UsageError if the facts differ.
        """
        shown = printable(str(path))
        content = read_bytes(path)
        _verify(shown, content)
        checkpoint = parse_torch_file(shown, content, only_plain=True)
        differ = differences(flat(_facts(shown, checkpoint)), flat(self.facts), "now")
        if differ:
            more = f" and {len(differ) - _NAMED} more" if len(differ) > _NAMED else ""
            raise UsageError(
                f"{shown} was trained with {'; '.join(differ[:_NAMED])}{more}. To go on, set this "
                "back; or train in a new folder"
            )
        return checkpoint

    def remove_checkpoint(self, path: Any) -> None:
        """Delete a file, which may be missing."""
        Path(path).unlink(missing_ok=True)


def with_digest(archive: bytes) -> bytes:
    """An archive that has no comment, with its digest added as the comment."""
    assert _has_no_comment(archive)
    told = archive[:-2] + _COMMENT.to_bytes(2, "little") + _MARK
    return told + hashlib.sha256(told).hexdigest().encode()


def _verify(path: str, content: bytes) -> None:
    """Raises: CheckpointError if any bit differs from what was written.

    Archives of earlier versions have no comment. An archive with a damaged digest still has one.
    """
    told, digest = content[:-_DIGITS], content[-_DIGITS:]
    if told.endswith(_MARK) and hashlib.sha256(told).hexdigest().encode() == digest:
        return
    if not _has_no_comment(content):
        raise CheckpointError(
            f"{path}: damaged: its content does not fit its SHA-256; copy it again, or delete it "
            "and train again"
        )


def _has_no_comment(archive: bytes) -> bool:
    """Whether the archive ends with its last record, with 0 as the length of the comment."""
    end = archive[-_END_BYTES:]
    return end.startswith(_END) and end.endswith(b"\0\0")


def _facts(path: str, checkpoint: Any) -> dict[str, Any]:
    """The facts that a checkpoint holds. Raises: CheckpointError if one is not a plain value."""
    facts = checkpoint.get(_FACTS) if isinstance(checkpoint, dict) else None
    if not isinstance(facts, dict):
        raise CheckpointError(
            f"{path}: does not contain the facts about its run, which this version needs; train "
            "again"
        )
    left: list[tuple[Any, int]] = [(facts, 0)]
    count = 0
    # The same object may be in many places of the file, even inside itself.
    while left:
        value, depth = left.pop()
        count += 1
        if isinstance(value, dict | list | tuple):
            left += [(part, depth + 1) for part in _parts(value)]
        plain = isinstance(value, dict | list | tuple | str | float | bool | None)
        whole = type(value) is int and abs(value) < 1 << 64
        if not (plain or whole) or depth > _MOST_LEVELS or count + len(left) > _MOST_FACTS:
            raise CheckpointError(
                f"{path}: the facts about its run are not plain values of the expected form; train "
                "again"
            )
    return facts


def _parts(value: Any) -> Any:
    return value.values() if isinstance(value, dict) else value


def flat(facts: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested facts as one dict with dotted names."""
    found: dict[str, Any] = {}
    for key, value in facts.items():
        name = f"{prefix}{key}"
        found |= flat(value, f"{name}.") if isinstance(value, Mapping) else {name: value}
    return found


def differences(one: Mapping[str, Any], other: Mapping[str, Any], name: str) -> list[str]:
    """A text for each fact that differs between two.

    name: the word for the other one in the texts.
    """
    return [
        f"{printable(key)[:_SHOWN]} {_text(one.get(key))}, {name} {_text(other.get(key))}"
        for key in {**other, **one}
        if one.get(key) != other.get(key)
    ]


def _text(value: Any) -> str:
    text = printable(repr(value))
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."
