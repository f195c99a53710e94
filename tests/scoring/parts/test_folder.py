import json
from dataclasses import replace

import numpy as np
import pyarrow.parquet as pq
import pytest
from helpers.parts import BAD, COUNT, content_of, digits, here

from signbit.errors import CheckpointError, DataError, UsageError
from signbit.format import Output, PackedModel, Signature
from signbit.format.file import to_bytes
from signbit.scoring._probabilities import softmax
from signbit.scoring.parts import PartResult, find_parts, predict_parts
from signbit.zoo import load as load_network


@pytest.fixture(scope="module")
def expected():
    """Classes and probabilities by the engine on the pixels themselves."""
    network = load_network("digits_binary")
    scores = network(digits())
    order = np.argsort(-scores, axis=1, kind="stable")
    names = network.preprocessing.classes
    return [
        (names[best[0]], names[best[1]], np.float32(row[best[0]]))
        for best, row in zip(order, softmax(scores), strict=True)
    ]


def check(row, index, expected):
    if index == BAD:
        assert row["error"] == "not an image, or of a kind that Pillow cannot read"
        assert row["class"] is row["probability"] is None
        return
    assert row["error"] is None
    assert (row["class"], row["class_2"]) == expected[index][:2]
    assert np.float32(row["probability"]) == expected[index][2]


def test_images_give_a_row_each_in_natural_order(images, job, tmp_path, expected):
    summary = predict_parts(find_parts(str(images)), job, tmp_path / "out", here)
    rows = pq.read_table(tmp_path / "out").to_pylist()
    assert [row["file"] for row in rows] == [f"{index}.png" for index in range(COUNT)]
    for index, row in enumerate(rows):
        check(row, index, expected)
    assert (summary.parts, summary.rows, summary.errors) == (1, COUNT, 1)
    assert json.loads((tmp_path / "out/_done.json").read_text())["rows"] == COUNT


def test_tar_shards_give_a_row_for_each_image(tars, job, tmp_path, expected):
    predict_parts(find_parts(str(tars)), job, tmp_path / "out", here)
    rows = pq.read_table(tmp_path / "out").to_pylist()
    assert len(rows) == COUNT
    for row in rows:
        index = int(row["sample"].removesuffix(".png"))
        assert row["file"] == f"{index % 4:05d}.tar"
        check(row, index, expected)


def test_parquet_shards_give_a_row_for_each_row(parquets, job, tmp_path, expected):
    summary = predict_parts(find_parts(str(parquets)), job, tmp_path / "out", here)
    rows = pq.read_table(tmp_path / "out").to_pylist()
    assert len(rows) == COUNT + 2
    for row in rows:
        index = 2 * (int(row["sample"]) - 1) + int(row["file"][0])
        if index < COUNT:
            check(row, index, expected)
        else:
            assert row["error"] == "no image in this row"
    assert summary.errors == 3


def test_files_of_a_url_give_the_same_bytes(tars, job, tmp_path):
    for name, source in (("a", str(tars)), ("b", tars.as_uri()), ("c", f"{tars}/*.tar")):
        predict_parts(find_parts(source), job, tmp_path / name, here)
    assert content_of(tmp_path / "a") == content_of(tmp_path / "b") == content_of(tmp_path / "c")


def test_images_of_a_url_give_the_same_bytes(images, job, tmp_path):
    for name, source in (("a", str(images)), ("b", images.as_uri())):
        predict_parts(find_parts(source), job, tmp_path / name, here)
    assert content_of(tmp_path / "a") == content_of(tmp_path / "b")


def test_neither_the_batch_nor_the_order_of_parts_changes_a_byte(tars, job, tmp_path):
    parts = find_parts(str(tars))

    def backwards_and_twice(job, run, parts):
        return here(job, run, [*reversed(parts), *parts])

    predict_parts(parts, job, tmp_path / "a", here)
    predict_parts(parts, replace(job, batch_size=3), tmp_path / "b", backwards_and_twice)
    assert content_of(tmp_path / "a") == content_of(tmp_path / "b")


def test_a_stopped_run_goes_on_and_computes_only_what_is_missing(tars, job, tmp_path):
    parts, asked = find_parts(str(tars)), []

    def stopped(job, run, parts):
        for count, result in enumerate(here(job, run, parts)):
            if count == 2:
                raise KeyboardInterrupt
            yield result

    def counted(job, run, parts):
        asked.extend(part.number for part in parts)
        return here(job, run, parts)

    with pytest.raises(KeyboardInterrupt):
        predict_parts(parts, job, tmp_path / "out", stopped)
    assert not (tmp_path / "out/_done.json").exists()
    summary = predict_parts(parts, job, tmp_path / "out", counted)
    assert asked == [2, 3]
    assert (summary.rows, summary.computed, summary.computed_rows) == (COUNT, 2, COUNT // 2)
    predict_parts(parts, job, tmp_path / "whole", here)
    assert content_of(tmp_path / "out") == content_of(tmp_path / "whole")
    assert predict_parts(parts, job, tmp_path / "out", counted).computed == 0


def test_parts_that_fail_are_named_when_all_others_are_written(tars, job, tmp_path):
    parts = find_parts(str(tars))
    (name, size) = parts[1].files[0]
    short = replace(parts[1], files=((name, (size or 0) + 1),))
    bad = [parts[0], short, *parts[2:]]
    with pytest.raises(DataError, match=r"00001.tar has \d+ bytes, and had \d+ when .* 1 of 4"):
        predict_parts(bad, job, tmp_path / "out", here)
    assert len(list((tmp_path / "out").glob("part-*"))) == 3


def test_an_error_that_each_part_would_have_ends_the_run(tars, job, tmp_path):
    def broken(job, run, parts):
        yield PartResult(0, problem=CheckpointError("not numbers"))
        raise AssertionError("nothing is computed after it")

    with pytest.raises(CheckpointError, match="not numbers"):
        predict_parts(find_parts(str(tars)), job, tmp_path / "out", broken)


def test_a_runner_that_loses_a_part_is_found(tars, job, tmp_path):
    with pytest.raises(DataError, match="1 of 4"):
        predict_parts(
            find_parts(str(tars)), job, tmp_path / "out", lambda *given: [*here(*given)][:3]
        )


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        (lambda job, parts: (replace(job, top=1), parts), "options differ"),
        (lambda job, parts: (job, parts[:3]), "source, parts differ"),
        (lambda job, parts: (replace(job, content=load_other()), parts), "model differ"),
    ],
)
def test_the_folder_of_another_run_is_refused(tars, job, tmp_path, changed, says):
    parts = find_parts(str(tars))
    predict_parts(parts, job, tmp_path / "out", here)
    before = content_of(tmp_path / "out")
    job, parts = changed(job, parts)
    with pytest.raises(UsageError, match=rf"holds another run \({says}\)"):
        predict_parts(parts, job, tmp_path / "out", here)
    assert content_of(tmp_path / "out") == before


def load_other():
    model = load_network("digits_binary").model
    (one,) = model.outputs
    names = tuple("abcdefghij")
    output = Output(one.name, one.kind, one.node, one.rank, names)
    return to_bytes(PackedModel(model.nodes, Signature(model.inputs, (output,))))


def test_a_folder_with_other_files_is_refused(tars, job, tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(UsageError, match=r"holds notes.txt, which is not of this run"):
        predict_parts(find_parts(str(tars)), job, tmp_path, here)
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


@pytest.mark.parametrize("damage", [lambda content: content[:-9], lambda content: b""])
def test_a_damaged_result_is_refused_and_computed_again_once_it_is_removed(
    tars, job, tmp_path, damage
):
    parts = find_parts(str(tars))
    predict_parts(parts, job, tmp_path, here)
    before = content_of(tmp_path)
    path = tmp_path / "part-000002.parquet"
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(DataError, match=r"part-000002.parquet is damaged, or of another run"):
        predict_parts(parts, job, tmp_path, here)
    path.unlink()
    assert predict_parts(parts, job, tmp_path, here).computed == 1
    assert content_of(tmp_path) == before


def test_the_result_of_another_part_is_refused(tars, job, tmp_path):
    parts = find_parts(str(tars))
    predict_parts(parts, job, tmp_path, here)
    (tmp_path / "part-000001.parquet").replace(tmp_path / "part-000000.parquet")
    with pytest.raises(DataError, match="of another run"):
        predict_parts(parts, job, tmp_path, here)
