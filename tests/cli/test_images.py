import numpy as np
import pytest
from helpers.parts import picture, write_tar
from PIL import Image

from signbit.cli import main
from signbit.data import load, read_image


@pytest.fixture
def run(capsys):
    """Run the command; returns exit code, standard output and standard error."""

    def _run(*arguments: object) -> tuple[object, str, str]:
        with pytest.raises(SystemExit) as caught:
            main(["images", *map(str, arguments)])
        captured = capsys.readouterr()
        return caught.value.code, captured.out, captured.err

    return _run


def test_digits_are_written_and_the_result_is_one_line(run, tmp_path):
    code, out, err = run("digits", tmp_path, "--format", "png")
    assert code == 0
    expected = "1797 images (1437 train, 360 test), 1797 written, 0 there already"
    assert out == f"{tmp_path}: {expected}\n"
    assert "writing train" in err
    digits = load("digits", "train")
    first = tmp_path / "train" / f"{digits.labels[0]}_0.png"
    np.testing.assert_array_equal(read_image(first, (8, 8), 1), digits.images[:1][0])
    assert len(list((tmp_path / "test").iterdir())) == 360


def test_bmp_is_the_default_and_a_second_run_writes_nothing(run, tmp_path):
    run("digits", tmp_path)
    assert (tmp_path / "train" / "1_0.bmp").is_file()
    code, out, _ = run("digits", tmp_path)
    assert code == 0
    assert out.endswith("0 written, 1797 there already\n")


def test_a_file_that_differs_is_one_line_of_error(run, tmp_path):
    (tmp_path / "train").mkdir()
    (tmp_path / "train" / "1_0.bmp").write_bytes(b"")
    code, out, err = run("digits", tmp_path)
    assert (code, out) == (1, "")
    assert err.splitlines()[-1].startswith("signbit: ")
    assert "1_0.bmp exists and holds other pixels; nothing was written" in err
    assert run("digits", tmp_path, "--force")[0] == 0


def test_a_folder_of_images_is_a_data_set_too(run, tmp_path):
    run("digits", tmp_path / "a")
    code, out, _ = run(f"folder:{tmp_path / 'a'}", tmp_path / "b", "--format", "png")
    assert code == 0
    assert "1437 train, 360 test" in out
    assert (tmp_path / "a/classes.txt").read_text() == (tmp_path / "b/classes.txt").read_text()


def few_images(folder):
    folder.mkdir(parents=True)
    for index in range(3):
        Image.new("L", (4, 5), 50 * index).save(folder / f"{index % 2}_{index}.png")
    return folder


@pytest.mark.parametrize(
    ("split", "counts"), [("train", "3 train, no test"), ("test", "no train, 3 test")]
)
def test_of_a_folder_with_one_split_that_one_is_written(run, tmp_path, split, counts):
    few_images(tmp_path / "a" / split)
    code, out, _ = run(f"folder:{tmp_path / 'a'}", tmp_path / "b")
    assert (code, out) == (
        0,
        f"{tmp_path / 'b'}: 3 images ({counts}), 3 written, 0 there already\n",
    )
    assert sorted(path.name for path in (tmp_path / "b").iterdir()) == ["classes.txt", split]


def test_a_folder_without_splits_is_written_once_and_stays_without(run, tmp_path):
    few_images(tmp_path / "a")
    code, out, _ = run(f"folder:{tmp_path / 'a'}", tmp_path / "b")
    assert code == 0
    assert out.endswith("b: 3 images (without splits), 3 written, 0 there already\n")
    names = sorted(path.name for path in (tmp_path / "b").iterdir())
    assert names == ["0_0.bmp", "0_1.bmp", "1_2.bmp", "classes.txt"]
    again = load(f"folder:{tmp_path / 'b'}", "test")
    assert again.labels.tolist() == load(f"folder:{tmp_path / 'a'}", "test").labels.tolist()


@pytest.mark.parametrize("force", [[], ["--force"]])
@pytest.mark.parametrize("out", ["X", "X/new", "X/train", ".", "link", "elsewhere"])
def test_the_folder_of_the_data_is_not_written_into(run, tmp_path, monkeypatch, out, force):
    monkeypatch.chdir(tmp_path)
    few_images(tmp_path / "X" / "train")
    few_images(tmp_path / "elsewhere" / "test")
    (tmp_path / "X" / "test").symlink_to(tmp_path / "elsewhere" / "test")
    (tmp_path / "link").symlink_to("X")
    before = sorted(tmp_path.rglob("*"))
    code, printed, err = run("folder:X", out, *force)
    assert (code, printed) == (2, "")
    assert err.startswith(
        f"signbit: OUT ({out}) lies in the folder of folder:X, or that folder lies in OUT"
    )
    assert len(err.splitlines()) == 1
    assert sorted(tmp_path.rglob("*")) == before


def test_a_folder_beside_that_of_the_data_is_fine(run, tmp_path):
    few_images(tmp_path / "X" / "train")
    assert run(f"folder:{tmp_path / 'X'}", tmp_path / "X2")[0] == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["digitz", "OUT"], "Did you mean 'digits'?"),
        (["digits", "OUT", "--format", "jpg"], "jpg"),
        (["digits"], "OUT"),
    ],
)
def test_wrong_usage_exits_with_2(run, arguments, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code, out, err = run(*arguments)
    assert (code, out) == (2, "")
    assert message in err
    assert not (tmp_path / "OUT").exists()


def test_missing_data_says_where_it_was_looked_for(run, tmp_path):
    code, out, err = run("cifar10", tmp_path / "out", "--data-dir", tmp_path / "none")
    assert (code, out) == (1, "")
    assert "none/cifar-10-batches-bin" in err
    assert "--download" in err


def test_shards_become_files_of_both_splits(signbit, tmp_path):
    for name, value in (("train-0.tar", 1), ("val-0.tar", 2)):
        members = [("7.png", picture(value)), ("7.cls", b"0")]
        (tmp_path / "shards").mkdir(exist_ok=True)
        write_tar(tmp_path / "shards" / name, members)
    out, _ = signbit("images", f"tar:{tmp_path / 'shards'}", tmp_path / "out", "--format", "png")
    assert "2 images (1 train, 1 test), 2 written" in out
    assert (tmp_path / "out" / "test" / "0_0.png").exists()
    signbit.refused(
        "images",
        f"tar:{tmp_path / 'shards'}",
        tmp_path / "shards" / "x",
        code=2,
        says="files would mix",
    )
