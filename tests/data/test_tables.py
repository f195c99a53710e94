import numpy as np
import pyarrow
import pyarrow.parquet as parquet
import pytest

from signbit.data._samples import Selection, Target
from signbit.data._table_samples import TableSamples
from signbit.data._tables import MAX_LINE, open_table
from signbit.errors import DataError, UsageError
from signbit.format import Input

PAIR = Input.numbers("pair", (2,))
KIND = Target("kind", "classes", (2,), ("no", "yes"), True)
TAGS = Target("tags", "labels", (2,), ("wet", "hot"), True)
SIZE = Target("size", "numbers", (1,), ("0",), False)


@pytest.fixture
def table(tmp_path):
    """Write a table as CSV and as Parquet; returns how to open it as samples."""

    def write(columns, kind="csv"):
        path = tmp_path / f"t.{kind}"
        if kind == "csv":
            rows = [columns, *zip(*columns.values(), strict=True)]
            path.write_text("\n".join(",".join(map(str, row)) for row in rows) + "\n")
        else:
            parquet.write_table(pyarrow.table(columns), path)
        return open_table(path)

    return write


NOTHING = Selection()


def opened(table, inputs=(PAIR,), targets=(KIND,), chosen=NOTHING):
    return TableSamples(table, inputs, targets, chosen)


def whole(samples, size=2):
    batches = list(samples.batches(size))
    inputs = {
        name: np.concatenate([one.inputs[name] for one in batches]) for name in batches[0].inputs
    }
    targets = {
        name: np.concatenate([one.targets[name] for one in batches]) for name in samples.targets
    }
    return inputs, targets, [place for one in batches for place in one.places]


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_columns_are_features_and_targets_by_their_names(table, kind):
    columns = {
        "a": [1, 2, 3],
        "kind": ["yes", "no", "yes"],
        "b": [0.5, -1.5, 2.0],
        "hot": [1, 0, 0],
        "wet": [0, 0, 1],
        "size": [7, 8.5, 9],
    }
    samples = opened(table(columns, kind), targets=(KIND, TAGS, SIZE))
    inputs, targets, places = whole(samples)
    assert inputs["pair"].tolist() == [[1, 0.5], [2, -1.5], [3, 2]]
    assert inputs["pair"].dtype == np.float32
    assert targets["kind"].tolist() == [1, 0, 1]
    assert targets["tags"].tolist() == [[False, True], [False, False], [True, False]]
    assert targets["size"].tolist() == [[7], [8.5], [9]]
    assert places == ["1", "2", "3"]
    assert samples.count == (None if kind == "csv" else 3)


@pytest.mark.parametrize("size", [1, 2, 3, 100])
@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_any_size_of_batches_gives_the_same_rows(table, kind, size):
    columns = {"a": list(range(7)), "b": list(range(7, 14))}
    inputs, _, places = whole(opened(table(columns, kind)), size)
    np.testing.assert_array_equal(inputs["pair"], np.arange(14).reshape(2, 7).T)
    assert places == [str(row) for row in range(1, 8)]


def test_columns_can_be_chosen_in_any_order(table):
    columns = {"id": [9], "b": [2], "a": [1], "answer": ["no"]}
    chosen = Selection([(None, ["a", "b"])], [("kind", ["answer"])])
    inputs, targets, _ = whole(opened(table(columns), chosen=chosen))
    assert inputs["pair"].tolist() == [[1, 2]]
    assert targets["kind"].tolist() == [0]


def test_several_inputs_take_their_own_columns_and_ranks_count_channels_last(table):
    columns = {name: [place] for place, name in enumerate("abcdef")}
    inputs = (Input.numbers("first", (2, 2)), Input.bits("second", (2,)))
    chosen = Selection([("first", list("fedc")), ("second", ["b", "a"])])
    found, _, _ = whole(opened(table(columns), inputs, (), chosen))
    assert found["first"].tolist() == [[[5, 4], [3, 2]]]
    assert found["second"].tolist() == [[True, False]]


def test_columns_of_uint8_in_parquet_are_codes(table):
    one = Input.fixed_point("pair", (2,), 0.5, -8.0)
    codes = {name: np.array([3, 4], np.uint8) for name in "ab"}
    inputs, _, _ = whole(opened(table(codes, "parquet"), (one,)))
    assert inputs["pair"].tolist() == [[3, 3], [4, 4]]
    numbers = {name: np.array([3, 4], np.int64) for name in "ab"}
    inputs, _, _ = whole(opened(table(numbers, "parquet"), (one,)))
    assert inputs["pair"].tolist() == [[22, 22], [24, 24]]


def test_codes_and_numbers_in_one_input_are_refused(table):
    one = Input.fixed_point("pair", (2,), 0.5, -8.0)
    mixed = {"a": np.array([3, 4], np.uint8), "b": np.array([3.0, 4.0])}
    with pytest.raises(DataError, match="'a' is uint8, so it holds codes, and column 'b' is not"):
        whole(opened(table(mixed, "parquet"), (one,)))
    inputs, _, _ = whole(opened(table(mixed, "parquet"), (one,), chosen=Selection(codes=True)))
    assert inputs["pair"].tolist() == [[3, 3], [4, 4]]
    inputs, _, _ = whole(opened(table(mixed, "parquet")))
    assert inputs["pair"].tolist() == [[3, 3], [4, 4]]


def test_columns_with_the_names_of_two_outputs_need_an_owner(table):
    columns = {"a": [1], "b": [2], "wet": [1], "hot": [0]}
    other = Target("later", "labels", (2,), ("hot", "wet"), True)
    with pytest.raises(
        UsageError, match="'hot' has the name of output 'tags' and of output 'later'"
    ):
        opened(table(columns), targets=(TAGS, other))
    chosen = Selection((), [("later", ["wet", "hot"])])
    samples = opened(table(columns), targets=(TAGS, other), chosen=chosen)
    assert samples.targets == ("later",)
    both = Selection((), [(one, ["wet", "hot"]) for one in ("tags", "later")])
    _, targets, _ = whole(opened(table(columns), targets=(TAGS, other), chosen=both))
    assert targets["tags"].tolist() == [[True, False]]
    assert targets["later"].tolist() == [[False, True]]


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_a_missing_value_is_refused_with_row_and_column(table, kind):
    empty = "" if kind == "csv" else None
    columns = {"a": [1, 2, 3, 4], "b": [1, 2, 3, empty]}
    with pytest.raises(DataError, match=r"t\.\w+, row 4, column 'b': no value"):
        whole(opened(table(columns, kind)))


@pytest.mark.parametrize(
    ("columns", "says"),
    [
        ({"a": [1, "nan"], "b": [1, 2]}, "row 2, column 'a': NaN"),
        ({"a": [1, 2], "b": [1, "x"]}, "row 2, column 'b': 'x' is not a number"),
        ({"a": [1], "b": [1], "kind": ["maybe"]}, "row 1, column 'kind': 'maybe' is not a class"),
        ({"a": [1], "b": [1], "wet": [1], "hot": [2]}, "row 1, column 'hot': 2.0; a label is"),
        ({"a": [1], "b": [1], "size": ["inf"]}, "row 1, column 'size': inf; give a finite"),
        ({"a": [1], "b": ["1e300"]}, r"row 1, column 'b': 1e\+300 is too large"),
        ({"a": [], "b": []}, "no rows"),
    ],
)
def test_a_wrong_value_is_refused_with_row_and_column(table, columns, says):
    with pytest.raises(DataError, match=says):
        whole(opened(table(columns), targets=(KIND, TAGS, SIZE)), 1)


@pytest.mark.parametrize(
    ("chosen", "kind", "says"),
    [
        (
            {},
            DataError,
            r"has 3 columns of features \(a, b, c\), but input pair \(f32, 2\) needs 2",
        ),
        ({"ignored": ["d"]}, UsageError, "unknown column 'd'; known: a, b, c"),
        ({"features": [("pear", ["a"])]}, UsageError, "Did you mean 'pair'"),
        (
            {"features": [(None, ["a", "b"])], "ignored": ["b"]},
            UsageError,
            "'b' is a feature, and also a target or ignored",
        ),
        ({"targets": [("kind", ["a", "b"])]}, UsageError, "2 columns for output 'kind'"),
        ({"targets": [(None, ["a"])]}, UsageError, "several outputs; give NAME=COLUMN"),
        ({"targets": [("tags", ["a"])]}, UsageError, "1 columns for output 'tags'"),
    ],
)
def test_columns_that_do_not_suit_the_network_are_refused(table, chosen, kind, says):
    columns = {"a": [1], "b": [2], "c": [3]}
    with pytest.raises(kind, match=says):
        opened(table(columns), targets=(KIND, TAGS), chosen=Selection(**chosen))


def test_labels_in_another_order_than_their_names_are_refused(table):
    columns = {"a": [1], "b": [2], "hot": [1], "other": [0]}
    chosen = Selection((), [(None, ["hot", "other"])])
    with pytest.raises(
        UsageError, match="column 'hot' is number 1, but it has the name of channel 2"
    ):
        opened(table(columns), targets=(TAGS,), chosen=chosen)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"a,b\n1,2\n3\n", "row 2: 1 values, but the first line names 2 columns"),
        (b"a,a\n1,2\n", "two columns have the name 'a'"),
        (b"", "0 columns"),
        (b'a,b\n1,"2\n', "line 2: unexpected end"),
        (b'a,b\n1,"2"x\n3,4\n', "line 2: ',' expected"),
        (b"a,b\n1,\xff\n", "not UTF-8"),
        (b"a,b\n1," + b"2" * MAX_LINE, "line 2: more than 1048576 characters"),
    ],
)
def test_a_damaged_csv_is_one_clear_error(tmp_path, content, says):
    (tmp_path / "t.csv").write_bytes(content)
    with pytest.raises(DataError, match=says):
        whole(opened(open_table(tmp_path / "t.csv")))


def test_blank_lines_quotes_and_the_mark_of_windows_are_read(tmp_path):
    (tmp_path / "t.csv").write_bytes(b'\xef\xbb\xbfa,"b"\r\n\r\n"1",2\r\n')
    assert whole(opened(open_table(tmp_path / "t.csv")))[0]["pair"].tolist() == [[1, 2]]


def test_a_parquet_file_that_ends_early_is_one_clear_error(table):
    found = table({"a": list(range(1000)), "b": list(range(1000))}, "parquet")
    content = found.path.read_bytes()
    found.path.write_bytes(content[: len(content) // 2])
    with pytest.raises(DataError, match=r"t\.parquet: damaged Parquet: "):
        open_table(found.path)
    # The footer is whole, the pages are not.
    found.path.write_bytes(content[:50] + bytes(2000) + content[2050:])
    with pytest.raises(DataError, match=r"t\.parquet"):
        whole(opened(open_table(found.path)))


def test_a_parquet_column_of_another_type_is_refused(table):
    found = table({"a": [[1]], "b": [2]}, "parquet")
    with pytest.raises(DataError, match=r"column 'a' is list<.*>; give numbers, text or bool"):
        whole(opened(found))


@pytest.mark.parametrize("name", ["t.csv", "t.parquet"])
def test_a_file_that_is_not_there_is_one_clear_error(tmp_path, name):
    with pytest.raises(DataError, match=f"cannot read .*{name}: No such file"):
        open_table(tmp_path / name)
