"""The answers of a network as rows of CSV or JSON, and its maps as files."""

import json
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

from signbit.cli._rows import cell_writer, opened_rows

if TYPE_CHECKING:
    from signbit.data import Target
    from signbit.scoring import Answer, Answerer, MapAnswer


class AnswerRows:
    """Writes a row for each sample, and writes the maps of a sample into a folder.

    out: file for the rows, .csv or .jsonl; None for CSV on standard output.
    folder: the folder for maps; None where the network returns none.
    column: header of the first column, which says which sample it is: path, row or sample.
    """

    def __init__(
        self,
        out: Path | None,
        folder: Path | None,
        column: str,
        targets: Sequence["Target"],
        answerer: "Answerer",
        top: int,
    ):
        self._out, self._folder, self._column = out, folder, column
        self._targets, self._top = targets, top
        self._classes = answerer.classes
        self._as_json = out is not None and out.suffix == ".jsonl"
        self._stems: set[str] = set()
        self._stack = ExitStack()

    def __enter__(self) -> "AnswerRows":
        from signbit.scoring._columns import columns_of

        self._file, show = self._stack.enter_context(opened_rows(self._out))
        if not self._as_json:
            self._write_cells = cell_writer(self._file, show)
            true = ["true"] if self._classes is not None else []
            several = len(self._targets) > 1
            heads = [
                one for target in self._targets for one in columns_of(target, several, self._top)
            ]
            self._write_cells([self._column, *true, *heads])
        return self

    def __exit__(self, *error: Any) -> None:
        self._stack.__exit__(*error)

    def write(self, answer: "Answer") -> None:
        """Write the row and the maps of one sample."""
        stem = self._stem(answer.place)
        if self._as_json:
            outputs = {one.name: self._as_dict(one, answer, stem) for one in self._targets}
            true = {"true": answer.true} if self._classes is not None else {}
            line = {self._column: answer.place, **true, "outputs": outputs}
            self._file.write(json.dumps(line) + "\n")
            return
        cells = [one for target in self._targets for one in self._cells(target, answer, stem)]
        true = [answer.true or ""] if self._classes is not None else []
        self._write_cells([answer.place, *true, *cells])

    def _cells(self, target: "Target", answer: "Answer", stem: str) -> list[str]:
        from signbit.scoring import ClassAnswer, LabelAnswer, MapAnswer

        given = answer.outputs[target.name]
        if isinstance(given, MapAnswer):
            return self._write_map(target, given, answer, stem)
        if isinstance(given, ClassAnswer):
            return [cell for name, share in given.top for cell in (name, f"{share:.6f}")]
        if isinstance(given, LabelAnswer):
            return [";".join(given.labels), *(f"{share:.6f}" for _, share in given.probabilities)]
        return [f"{number:.9g}" for _, number in given.numbers]

    def _as_dict(self, target: "Target", answer: "Answer", stem: str) -> dict[str, Any]:
        from signbit.scoring import MapAnswer

        given = answer.outputs[target.name]
        if not isinstance(given, MapAnswer):
            return given.to_dict()
        return dict(
            zip(("file", "overlay"), self._write_map(target, given, answer, stem), strict=False)
        )

    def _write_map(
        self, target: "Target", given: "MapAnswer", answer: "Answer", stem: str
    ) -> list[str]:
        """Write the files of a map, and return their paths relative to the folder."""
        import io

        import numpy as np

        from signbit.files import atomic_write
        from signbit.scoring import write_class_map, write_overlay
        from signbit.scoring._columns import has_overlay

        folder, base = self._folder or Path(), f"{target.name}/{stem}"
        if not has_overlay(target):
            content = io.BytesIO()
            np.save(content, given.values, allow_pickle=False)
            atomic_write(folder / f"{base}.npy", content.getvalue(), flush=False)
            return [f"{base}.npy"]
        write_class_map(folder / f"{base}.png", given.values, len(target.names))
        image = self._picture(answer)
        if image is None:
            return [f"{base}.png", ""]
        write_overlay(folder / f"overlays/{base}.png", image, given.values, target.names)
        return [f"{base}.png", f"overlays/{base}.png"]

    def _picture(self, answer: "Answer") -> Any:
        """The first input that can be drawn as a picture; None where there is none."""
        for array in answer.inputs.values():
            if array.dtype == "uint8" and array.ndim == 3 and array.shape[2] in (1, 3):
                return array
        return None

    def _stem(self, place: str) -> str:
        """A name for the files of a sample, different from the names of all other samples."""
        if self._folder is None:
            return ""
        stem = Path(place).stem if self._column == "path" else f"{self._column}_{place}"
        name, number = stem, 1
        while name in self._stems:
            number += 1
            name = f"{stem}_{number}"
        self._stems.add(name)
        return name
