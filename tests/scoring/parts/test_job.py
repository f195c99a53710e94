"""Networks of every task, and what they refuse."""

import io
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from helpers.parts import JOB
from helpers.tasks import (
    maps_of_classes,
    rows_of_classes,
    rows_of_labels,
    rows_of_numbers,
)

from signbit.data import Selection
from signbit.errors import UsageError
from signbit.format.file import to_bytes
from signbit.scoring.parts import Job, PartAnswerer, find_parts


def answered(model, table, folder, **options):
    pq.write_table(table, folder / "t.parquet")
    (part,) = find_parts(str(folder / "t.parquet"))
    job = Job(to_bytes(model), **options)
    job.check(part.kind)
    result = PartAnswerer(job, "run")(part)
    return result


def rows_of(result):
    assert result.problem is None, result.problem
    return pq.read_table(io.BytesIO(result.content))


def test_classes_of_a_table(tmp_path):
    table = pa.table({"x": [0.0, 3.0], "y": [1.0, 2.0], "z": [0.5, 999.0], "id": ["p", "q"]})
    chosen = Selection(ignored=("id",))
    result = answered(rows_of_classes(), table, tmp_path, chosen=chosen)
    rows = rows_of(result)
    assert rows.column("class").to_pylist() == ["b", "c"]
    assert rows.column("sample").to_pylist() == ["1", "2"]
    assert result.clipped == 1
    shares = np.exp([0.0, 1.0, 0.5])
    assert rows.column("probability")[0].as_py() == np.float32(max(shares) / shares.sum())


def test_labels_of_a_table(tmp_path):
    table = pa.table({"x": [1.0, -1.0], "y": [2.0, -2.0]})
    rows = rows_of(answered(rows_of_labels(), table, tmp_path, threshold=0.8))
    assert rows.column("labels").to_pylist() == [["hot"], []]
    assert rows.column("probability_wet")[0].as_py() == np.float32(1 / (1 + np.exp(-1)))


def test_numbers_of_a_table(tmp_path):
    table = pa.table({"x": [1.5, 4.0], "y": [2.0, 3.0]})
    rows = rows_of(answered(rows_of_numbers(), table, tmp_path))
    assert rows.column("sum").to_pylist() == [3.5, 7.0]
    assert rows.column("difference").to_pylist() == [-0.5, 1.0]


def test_a_wrong_value_fails_the_part_and_names_the_row(tmp_path):
    table = pa.table({"x": [1.5, float("nan")], "y": [2.0, 3.0]})
    result = answered(rows_of_numbers(), table, tmp_path)
    assert str(result.problem).startswith("t.parquet, row 2, column 'x': NaN")


@pytest.mark.parametrize(
    ("job", "kind", "says"),
    [
        (Job(to_bytes(maps_of_classes())), "images", "'mask' is a map or a sequence"),
        (Job(to_bytes(rows_of_labels())), "tar", "not one image; give .parquet shards"),
        (Job(to_bytes(rows_of_numbers(("error", "b")))), "parquet", "have the name 'error'"),
        (replace(JOB, chosen=Selection(codes=True)), "images", "are for Parquet"),
        (replace(JOB, classes=("a", "b")), "images", "2 class names"),
        (replace(JOB, threshold=2.0), "images", "threshold 2.0"),
    ],
)
def test_what_does_not_suit_is_refused(job, kind, says):
    with pytest.raises(UsageError, match=says):
        job.check(kind)
