import json
import pickle
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest
from helpers.parts import picture

from signbit.data import _file_set, blocks_of, load
from signbit.data._tables import ParquetTable
from signbit.errors import DataError

IMAGE = pa.struct([("bytes", pa.binary()), ("path", pa.string())])


def shard(
    path: Path,
    values: Sequence[int | None],
    labels: Sequence[int | None],
    names: object = None,
    group: int = 3,
    **more: list[int],
) -> None:
    """A shard as Hugging Face writes it. None in `values` is a row without an image."""
    rows = [{"bytes": None if one is None else picture(one), "path": "/etc/x"} for one in values]
    columns = {"image": pa.array(rows, IMAGE), "label": pa.array(labels, pa.int64()), **more}
    features = {"label": {"names": names, "_type": "ClassLabel"}}
    metadata = {"huggingface": json.dumps({"info": {"features": features}})} if names else {}
    table = pa.table(columns).replace_schema_metadata(metadata)
    pyarrow.parquet.write_table(table, path, row_group_size=group)


@pytest.fixture
def in_files(monkeypatch):
    monkeypatch.setattr(_file_set, "MAX_ARRAY_BYTES", 0)


def values(images) -> list[int]:
    return images[:, 0, 0, 0].tolist()


def test_rows_are_images_with_labels_and_names_of_the_metadata(tmp_path):
    shard(tmp_path / "train-00001-of-2.parquet", [5, 6, 7, 8], [1, 0, 1, 0], ["cat", "dog"])
    shard(tmp_path / "train-00000-of-2.parquet", [1, 2], [0, 1], ["cat", "dog"])
    shard(tmp_path / "validation-00000-of-1.parquet", [9], [1], ["cat", "dog"])
    images = load(f"parquet:{tmp_path}", "train")
    assert values(images.images[:]) == [1, 2, 5, 6, 7, 8]
    assert images.labels.tolist() == [0, 1, 1, 0, 1, 0]
    assert images.labels.dtype == np.int64
    assert images.classes == ("cat", "dog")
    assert values(load(f"parquet:{tmp_path}", "test").images[:]) == [9]


def test_row_groups_are_blocks_and_any_order_is_read(tmp_path, in_files):
    shard(tmp_path / "a.parquet", [0, 1, 2, 3, 4], [0, 1, 0, 1, 0])
    shard(tmp_path / "b.parquet", [5, 6], [1, 0])
    images = load(f"parquet:{tmp_path}", "train").images
    assert list(blocks_of(images)) == [0, 3, 5]
    order = np.array([6, 0, 4, 4, 5, -2, 2])
    expected = [6, 0, 4, 4, 5, 5, 2]
    assert values(images[order]) == expected
    assert values(pickle.loads(pickle.dumps(images))[order]) == expected


def test_each_row_group_of_a_batch_is_read_once(tmp_path, in_files, monkeypatch):
    from signbit.data import _parquet_images

    shard(tmp_path / "a.parquet", list(range(9)), [0, 1, 2] * 3)
    monkeypatch.setattr(_parquet_images, "_CACHE_BYTES", 1)
    read = []
    group = ParquetTable.group
    monkeypatch.setattr(
        ParquetTable, "group", lambda self, n, name: read.append(n) or group(self, n, name)
    )
    images = load(f"parquet:{tmp_path}", "train").images
    read.clear()
    assert values(images[np.array([8, 0, 7, 1, 6, 2])]) == [8, 0, 7, 1, 6, 2]
    assert read == [0, 2]


def test_plain_bytes_and_the_only_column_of_numbers_count(tmp_path):
    table = pa.table({"file": [picture(3), picture(4)], "fine": pa.array([1, 0], pa.int8())})
    pyarrow.parquet.write_table(table, tmp_path / "a.parquet")
    images = load(f"parquet:{tmp_path / 'a.parquet'}", "test")
    assert (values(images.images[:]), images.labels.tolist()) == ([3, 4], [1, 0])
    assert images.classes == ("0", "1")


def test_names_that_are_given_twice_get_their_numbers(tmp_path):
    shard(tmp_path / "a.parquet", [1, 2], [0, 2], ["crane", "tench", "crane"])
    assert load(f"parquet:{tmp_path}", "train").classes == ("crane (0)", "tench", "crane (2)")


def test_names_by_number_and_a_classes_file_count(tmp_path):
    shard(tmp_path / "a.parquet", [1, 2], [0, 1], {"0": "cat", "1": "dog"})
    assert load(f"parquet:{tmp_path}", "train").classes == ("cat", "dog")
    (tmp_path / "classes.txt").write_text("a\nb\nc\n")
    assert load(f"parquet:{tmp_path}", "train").classes == ("a", "b", "c")


@pytest.mark.parametrize("names", ["text", [1, 2], {"0": "a", "2": "b"}, ["a\nb", "c"]])
def test_metadata_that_holds_no_names_is_no_error_unless_it_would_mislead(tmp_path, names):
    shard(tmp_path / "a.parquet", [1, 2], [0, 1], names)
    if isinstance(names, list):
        with pytest.raises(
            DataError, match=r"its metadata has the class name .*; write a classes\.txt"
        ):
            load(f"parquet:{tmp_path}", "train")
    else:
        assert load(f"parquet:{tmp_path}", "train").classes == ("0", "1")


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ([0, 1, 0, -1], r"row 4, column label: label -1, where 0 to 1 are allowed"),
        ([0, 1, 2, 1], r"row 3, column label: label 2, where 0 to 1 are allowed"),
        ([0, 1, 0, None], r"row 4, column label: no label"),
    ],
)
def test_labels_out_of_range_are_named_by_row(tmp_path, labels, message):
    shard(tmp_path / "a.parquet", [1, 2, 3, 4], labels, ["cat", "dog"])
    with pytest.raises(DataError, match=message):
        load(f"parquet:{tmp_path}", "train")


def test_a_row_without_an_image_is_named(tmp_path):
    shard(tmp_path / "a.parquet", [1, 2, 3, None], [0, 1, 0, 1])
    with pytest.raises(DataError, match=r"a\.parquet, row 4: no image"):
        load(f"parquet:{tmp_path}", "train", size=(3, 4), channels=1)


def test_columns_must_be_clear_and_the_same_in_all_shards(tmp_path):
    shard(tmp_path / "a.parquet", [1, 2], [0, 1])
    table = pa.table({"img": [picture(3)], "label": [1]})
    pyarrow.parquet.write_table(table, tmp_path / "b.parquet")
    with pytest.raises(
        DataError, match=r"b\.parquet has images and labels in the columns img and label, .*a"
    ):
        load(f"parquet:{tmp_path}", "train")
    table = pa.table({"img": [picture(3)], "fine": [1], "coarse": [1]})
    pyarrow.parquet.write_table(table, tmp_path / "b.parquet")
    with pytest.raises(
        DataError, match=r"which column holds labels as whole numbers \(possible: fine, coarse\)"
    ):
        load(f"parquet:{tmp_path / 'b.parquet'}", "train")


def test_a_shard_that_ends_early_or_changes_is_named(tmp_path, in_files):
    shard(tmp_path / "a.parquet", [1, 2, 3, 4], [0, 1, 0, 1])
    images = load(f"parquet:{tmp_path}", "train", size=(3, 4), channels=1).images
    content = (tmp_path / "a.parquet").read_bytes()
    (tmp_path / "a.parquet").write_bytes(content[:-100])
    with pytest.raises(DataError, match=r"a\.parquet changed while it was read"):
        images[3:]
    with pytest.raises(DataError, match=r"a\.parquet: damaged Parquet"):
        load(f"parquet:{tmp_path}", "train")


def test_rows_sorted_by_class_are_noted(tmp_path, capsys):
    shard(tmp_path / "a.parquet", list(range(12)), [0] * 6 + [1] * 6)
    load(f"parquet:{tmp_path}", "train")
    assert "most row groups hold only one class" in capsys.readouterr().err
    shard(tmp_path / "a.parquet", list(range(12)), [0, 1] * 6)
    load(f"parquet:{tmp_path}", "train")
    assert "only one class" not in capsys.readouterr().err


def test_a_column_of_another_kind_with_the_usual_name_is_not_passed_over(tmp_path):
    columns = {"image": [picture(3)], "label": ["cat"], "id": [7]}
    pyarrow.parquet.write_table(pa.table(columns), tmp_path / "a.parquet")
    with pytest.raises(DataError, match=r"column label does not hold labels as whole numbers"):
        load(f"parquet:{tmp_path}", "train")
    columns = {"image": [[picture(3)]], "mask": [picture(4)], "label": [1]}
    pyarrow.parquet.write_table(pa.table(columns), tmp_path / "a.parquet")
    with pytest.raises(DataError, match=r"column image does not hold images as bytes"):
        load(f"parquet:{tmp_path}", "train")


@pytest.mark.parametrize(
    ("first", "second", "message"),
    [
        (["cat", "dog"], ["dog", "cat"], "label 0 is 'dog' and 'cat'"),
        (["cat", "dog"], None, "label 0 is nothing and 'cat'"),
        (None, ["cat", "dog"], "label 0 is 'cat' and nothing"),
        (["cat", "dog"], ["cat", "dog", "eel"], "label 2 is 'eel' and nothing"),
    ],
)
def test_shards_must_mean_the_same_classes(tmp_path, first, second, message):
    shard(tmp_path / "a.parquet", [1, 2], [0, 1], first)
    shard(tmp_path / "b.parquet", [3, 4], [0, 1], second)
    with pytest.raises(DataError, match=rf"b\.parquet and .*a\.parquet .*: {message}; .*classes"):
        load(f"parquet:{tmp_path}", "train")
    (tmp_path / "classes.txt").write_text("cat\ndog\n")
    assert load(f"parquet:{tmp_path}", "train").classes == ("cat", "dog")


@pytest.mark.parametrize("names", [["a", "a", "a (0)"], ["a", " "], ["a\nb", "c"]])
def test_names_that_cannot_tell_classes_apart_are_refused_unless_a_file_has_others(tmp_path, names):
    shard(tmp_path / "a.parquet", [1, 2], [0, 1], names)
    with pytest.raises(
        DataError, match=r"its metadata has the class name .*; write a classes\.txt"
    ):
        load(f"parquet:{tmp_path}", "train")
    (tmp_path / "classes.txt").write_text("x\ny\n")
    assert load(f"parquet:{tmp_path}", "train").classes == ("x", "y")


@pytest.mark.parametrize("twice", ["image", "label"])
def test_two_columns_of_one_name_are_refused(tmp_path, twice):
    columns = {"image": pa.array([picture(3)]), "label": pa.array([1])}
    names, arrays = [*columns, twice], [*columns.values(), columns[twice]]
    pyarrow.parquet.write_table(pa.table(arrays, names=names), tmp_path / "a.parquet")
    with pytest.raises(DataError, match=rf"two columns have the name '{twice}'"):
        load(f"parquet:{tmp_path}", "train")


def test_an_image_that_many_rows_share_is_in_memory_once(tmp_path, in_files):
    image = picture(3) + bytes(1 << 20)
    columns = {"image": [image] * 200, "label": [0] * 200}
    pyarrow.parquet.write_table(pa.table(columns), tmp_path / "a.parquet")
    assert ParquetTable(tmp_path / "a.parquet").group(0, "image").nbytes < 2 * len(image)
    assert values(load(f"parquet:{tmp_path}", "train").images[:]) == [3] * 200


def test_more_rows_than_bytes_are_not_believed(tmp_path):
    columns = {"image": pa.array([None] * 200_000, pa.binary()), "label": [0] * 200_000}
    pyarrow.parquet.write_table(pa.table(columns), tmp_path / "a.parquet")
    with pytest.raises(DataError, match=r"a\.parquet: 200000 rows in \d+ bytes"):
        load(f"parquet:{tmp_path}", "train")
