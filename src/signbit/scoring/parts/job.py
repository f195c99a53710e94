"""The job that is computed for every part: a network, and options for its answers."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from signbit.data import Selection, Target
from signbit.errors import UsageError
from signbit.format import PackedModel
from signbit.format.signature import takes_picture
from signbit.scoring._columns import columns_of
from signbit.scoring._open_samples import targets_of
from signbit.scoring._probabilities import score_of
from signbit.scoring.parts.source import PARQUET, Part

OWN_COLUMNS = ("file", "sample", "error")


@dataclass(frozen=True)
class Job:
    """A network and options. The same job has the same results.

    content: the bytes of the `.signbit` file.
    classes: names for the classes, if there is one output of classes; None means the network's own.
    chosen: the columns of tables; for images in Parquet, the column of images.
    threshold, top: as in `Answerer`.
    batch_size: number of samples in one batch. It does not change the results.
    """

    content: bytes = field(repr=False)
    classes: Sequence[str] | None = None
    chosen: Selection = field(default_factory=Selection)
    threshold: float = 0.5
    top: int = 1
    batch_size: int = 64

    def model(self) -> PackedModel:
        """The network. Raises: ModelFormatError."""
        return PackedModel.load(self.content)

    def check(self, kind: str) -> None:
        """Raises: UsageError where the network and the options do not fit parts of a kind."""
        model = self.model()
        targets = targets_of(model, self.classes)
        maps = [one.name for one in targets if one.is_map]
        if maps:
            raise UsageError(
                f"output {maps[0]!r} is a map or a sequence, which does not fit into rows; predict "
                "with files as PATH and --out DIR, without --ray"
            )
        score_of(self.threshold)
        names = [*OWN_COLUMNS, *columns_of_all(targets, self.top)]
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice is not None:
            raise UsageError(
                f"two columns of the results would have the name {twice!r}; give other class names "
                "with --classes, or pack the network with other names of outputs"
            )
        if kind != PARQUET and not takes_picture(model.inputs):
            raise UsageError(
                f"the network takes {', '.join(map(str, model.inputs))}, not one image; give "
                ".parquet shards with columns of features"
            )
        if kind != PARQUET and self.chosen != Selection():
            raise UsageError(
                "--features, --target, --ignore and --codes are for Parquet; leave them out"
            )

    def identity(self, parts: Sequence[Part]) -> dict[str, Any]:
        """The facts that decide the results, for JSON. Two runs with the same facts are equal."""
        listed = [[part.kind, *part.files] for part in parts]
        options = {**asdict(self), "content": None, "batch_size": None}
        return {
            "format": "signbit prediction 1",
            "model": hashlib.sha256(self.content).hexdigest(),
            "source": hashlib.sha256(json.dumps(listed).encode()).hexdigest(),
            "options": hashlib.sha256(json.dumps(options).encode()).hexdigest(),
            "parts": len(parts),
        }


def columns_of_all(targets: Sequence[Target], top: int) -> list[str]:
    """The columns of all outputs."""
    several = len(targets) > 1
    return [name for one in targets for name in columns_of(one, several, top)]
