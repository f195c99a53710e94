"""`signbit predict` with results in a folder."""

import json
import sys

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from helpers.parts import COUNT, content_of, write_images, write_tars
from helpers.tasks import maps_of_classes, rows_of_classes, rows_of_numbers

from signbit.cli._ray_option import with_address
from signbit.zoo import read


@pytest.fixture
def network(tmp_path):
    path = tmp_path / "digits.signbit"
    path.write_bytes(read("digits_binary"))
    return path


@pytest.fixture
def tars(tmp_path):
    (tmp_path / "tars").mkdir()
    return write_tars(tmp_path / "tars")


def test_a_folder_gets_the_rows_and_the_same_command_goes_on(signbit, network, tars, tmp_path):
    out, result = tmp_path / "out", tmp_path / "r.json"
    command = ("predict", network, tars, "--out", out, "--json", result)
    said, notes = signbit(*command)
    assert said == f"{COUNT} samples in 4 parts, 1 unreadable\n"
    assert f"computed {COUNT} samples in" in notes
    first = content_of(out)
    assert pq.read_table(out).num_rows == COUNT
    (out / "part-000001.parquet").unlink()
    _, notes = signbit(*command)
    assert "3 parts were there already" in notes
    assert content_of(out) == first
    said = json.loads(result.read_text())
    assert (said["rows"], said["errors"], said["parts"], said["computed"]) == (COUNT, 1, 4, 1)


def test_names_of_classes_come_from_the_command_line_and_from_next_to_the_images(signbit, tmp_path):
    rows_of_classes(()).save(tmp_path / "n.signbit")
    folder = tmp_path / "in"
    folder.mkdir()
    pq.write_table(pa.table({"x": [0.0], "y": [1.0], "z": [0.5]}), folder / "t.parquet")
    command = ("predict", tmp_path / "n.signbit", folder, "--out")
    signbit(*command, tmp_path / "numbers")
    signbit(*command, tmp_path / "given", "--classes", "p,q,r")
    (folder / "classes.txt").write_text("u\nv\nw\n")
    signbit(*command, tmp_path / "found")
    classes = [
        pq.read_table(tmp_path / one).column("class").to_pylist()
        for one in ("numbers", "given", "found")
    ]
    assert classes == [["1"], ["q"], ["v"]]


def test_clipped_numbers_are_reported(signbit, tmp_path):
    rows_of_classes().save(tmp_path / "n.signbit")
    pq.write_table(pa.table({"x": [1e6], "y": [1.0], "z": [0.5]}), tmp_path / "t.parquet")
    _, notes = signbit(
        "predict", tmp_path / "n.signbit", tmp_path / "t.parquet", "--out", tmp_path / "out"
    )
    assert "1 numbers are outside the range of the codes" in notes


def test_maps_go_into_a_folder_as_ever(signbit, tmp_path):
    from PIL import Image

    maps_of_classes().save(tmp_path / "n.signbit")
    Image.new("RGB", (4, 4)).save(tmp_path / "a.png")
    command = ("predict", tmp_path / "n.signbit", tmp_path / "a.png", "--out", tmp_path / "out")
    signbit(*command)
    assert (tmp_path / "out/mask/a.png").is_file()
    signbit.refused(*command, "--ray", code=2, says="'mask' is a map or a sequence")


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["tars"], 2, "--out FOLDER"),
        (["tars", "--out", "a.csv"], 2, "--out FOLDER"),
        (["tars", "tars", "--out", "o"], 2, "2 paths of samples"),
        (["none", "--out", "o"], 1, "none does not exist"),
        (["tars", "--out", "o", "--csv", "a.csv"], 2, "--csv and --out FOLDER"),
        (["tars", "--out", "o", "--codes"], 2, "are for Parquet"),
        (["tars", "--out", "o", "--front-end", "mfcc"], 2, "--front-end is for WAV files"),
        (["tars", "--out", "tars"], 2, "which is not of this run"),
    ],
)
def test_what_is_asked_wrongly_is_one_line(
    signbit, network, tars, monkeypatch, arguments, code, says
):
    monkeypatch.chdir(tars.parent)
    signbit.refused("predict", network, *arguments, "--ray", code=code, says=says)


def test_workers_without_ray_and_ray_without_a_packed_network_are_refused(signbit, network, tars):
    signbit.refused("predict", network, tars, "--workers", 2, code=2, says="--workers is for --ray")
    command = ("predict", "run", tars, "--out", "o", "--ray")
    signbit.refused(*command, code=2, says="pack it first: signbit pack run -o")


def test_without_ray_installed_one_line_says_what_to_install(
    signbit, network, tars, tmp_path, monkeypatch
):
    monkeypatch.setitem(sys.modules, "ray", None)
    command = ("predict", network, tars, "--out", tmp_path / "out")
    signbit.refused(*command, "--ray", code=1, says="pip install 'signbit[ray]'")
    signbit(*command)


def test_images_that_are_all_unreadable_fail(signbit, network, tmp_path):
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "a.png").write_bytes(b"no")
    command = ("predict", network, folder, "--out", tmp_path / "out")
    signbit.refused(*command, code=1, says="none of the 1 samples could be read")
    assert pq.read_table(tmp_path / "out").num_rows == 1


def test_numbers_of_a_table_go_into_a_folder(signbit, tmp_path):
    rows_of_numbers().save(tmp_path / "n.signbit")
    pq.write_table(pa.table({"x": [1.5], "y": [2.0], "id": [9]}), tmp_path / "t.parquet")
    options = ("--ignore", "id", "--out", tmp_path / "out")
    signbit("predict", tmp_path / "n.signbit", tmp_path / "t.parquet", *options)
    assert pq.read_table(tmp_path / "out").column("sum").to_pylist() == [3.5]


@pytest.mark.parametrize(
    ("given", "read"),
    [
        ("predict m s --ray --out o", "predict m s --ray=local --out o"),
        ("predict m s --out o --ray", "predict m s --out o --ray=local"),
        ("predict m s --ray auto --out o", "predict m s --ray auto --out o"),
        ("predict m s --ray=h:1 --out o", "predict m s --ray=h:1 --out o"),
        ("predict m -- --ray", "predict m -- --ray"),
    ],
)
def test_ray_may_stand_without_an_address(given, read):
    assert with_address(given.split()) == read.split()


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.filterwarnings("ignore::FutureWarning")
@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_a_cluster_of_two_workers_gives_the_same_bytes(signbit, network, tmp_path):
    (tmp_path / "images").mkdir()
    images = write_images(tmp_path / "images")
    signbit("predict", network, images, "--out", tmp_path / "here")
    signbit(
        *("predict", network, images, "--ray", "--workers", 2, "--out", tmp_path / "cluster"),
    )
    assert content_of(tmp_path / "here") == content_of(tmp_path / "cluster")
