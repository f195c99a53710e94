"""The checkpoint that a run resumes from."""

import io
import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from lightning.fabric.plugins import CheckpointIO

from signbit.errors import CheckpointError, UsageError
from signbit.files import atomic_write

_FACTS = "signbit"
# As many differences as fit on a line.
_NAMED = 3


class RunCheckpointIO(CheckpointIO):
    """Checkpoints of one run, written whole or not at all, and read without running code.

    facts: nested plain values that say what is trained, and on what. A checkpoint with others is
        refused: going on with it would mix two runs.
    """

    def __init__(self, facts: Mapping[str, Any]):
        self.facts = facts

    def save_checkpoint(self, checkpoint: Any, path: Any, storage_options: Any = None) -> None:
        """Write to memory first, so that a full disk is an OSError, not a torn archive."""
        buffer = io.BytesIO()
        torch.save({**checkpoint, _FACTS: dict(self.facts)}, buffer)
        atomic_write(path, buffer.getvalue())

    def load_checkpoint(
        self, path: Any, map_location: Any = None, weights_only: bool | None = None
    ) -> dict[str, Any]:
        """Tensors and plain values only. Raises: CheckpointError; UsageError for other facts."""
        try:
            checkpoint = torch.load(path, map_location=map_location or "cpu", weights_only=True)
            found = _flat(checkpoint[_FACTS])
        except (pickle.UnpicklingError, RuntimeError, OSError, EOFError, ValueError) as error:
            raise CheckpointError(f"{path}: not a checkpoint of a run: {error}") from error
        except (KeyError, TypeError, AttributeError, IndexError) as error:
            raise CheckpointError(
                f"{path}: does not say which run it is of, as those of this version do; train anew"
            ) from error
        differ = _differences(found, _flat(self.facts))
        if differ:
            more = f" and {len(differ) - _NAMED} more" if len(differ) > _NAMED else ""
            raise UsageError(
                f"{path} was trained with {'; '.join(differ[:_NAMED])}{more}. Set it back to go "
                "on, or train in a new folder"
            )
        return checkpoint

    def remove_checkpoint(self, path: Any) -> None:
        """Delete a file that may be gone already."""
        Path(path).unlink(missing_ok=True)


def _flat(facts: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested facts by dotted names."""
    flat: dict[str, Any] = {}
    for key, value in facts.items():
        name = f"{prefix}{key}"
        flat |= _flat(value, f"{name}.") if isinstance(value, Mapping) else {name: value}
    return flat


def _differences(found: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    return [
        f"{name} {found.get(name)!r}, now {now.get(name)!r}"
        for name in {**now, **found}
        if found.get(name) != now.get(name)
    ]
