import os
import pickle
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from signbit.data import _file_set, _image_files, image_files, load
from signbit.data._files import files_in
from signbit.data._image import has_color, read_pixels
from signbit.data._labelled_files import labelled_files
from signbit.errors import DataError, UsageError


def save(path: Path, value: int = 0, size: tuple[int, int] = (4, 3), mode: str = "L") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    color = value if mode == "L" else (value, value, value)
    Image.new(mode, size, color).save(path)


def first_pixels(images) -> list[int]:
    return images[:][:, 0, 0, 0].tolist()


def test_class_folders_give_names_and_labels(tmp_path):
    for value, name in enumerate(["dog/b.png", "dog/deep/a.png", "cat/10.png", "cat/9.png"]):
        save(tmp_path / name, value)
    images = load(f"folder:{tmp_path}", "test")
    assert images.classes == ("cat", "dog")
    assert images.labels.tolist() == [0, 0, 1, 1]
    assert images.labels.dtype == np.int64
    assert first_pixels(images.images) == [3, 2, 0, 1]
    assert (images.name, images.split) == (f"folder:{tmp_path}", "test")


def test_numbered_names_give_labels_up_to_the_highest(tmp_path):
    for name in ["2_1.png", "0_10.png", "0_2.png"]:
        save(tmp_path / name)
    images = load(f"folder:{tmp_path}", "train")
    assert images.classes == ("0", "1", "2")
    assert images.labels.tolist() == [0, 0, 2]


def test_numbered_class_folders_are_in_numeric_order(tmp_path):
    for name in ["10", "9"]:
        save(tmp_path / name / "a.png")
    assert load(f"folder:{tmp_path}", "train").classes == ("9", "10")


def test_classes_file_names_the_numbers(tmp_path):
    save(tmp_path / "1_0.png")
    (tmp_path / "classes.txt").write_text("cat\nT-shirt/top\n\n")
    assert load(f"folder:{tmp_path}", "train").classes == ("cat", "T-shirt/top")


def test_classes_file_orders_class_folders(tmp_path):
    save(tmp_path / "a" / "0.png")
    (tmp_path / "classes.txt").write_text("b\na\n")
    assert load(f"folder:{tmp_path}", "train").labels.tolist() == [1]


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (b"cat\ndog\ncat\n", r"classes\.txt, line 3: class name 'cat' is blank or repeated"),
        (b"cat\n\ndog\n", r"line 2: class name '' is blank"),
        (b"\n", "0 class names"),
        (b"\xff\n", "byte 0 is not UTF-8"),
        (b"a" * (2**20 + 1), "more than 1048576 bytes"),
        (b"cat\n", r"1_0\.png: label 1, where 0 to 0 are allowed"),
    ],
)
def test_wrong_classes_file_is_an_error(tmp_path, names, message):
    save(tmp_path / "1_0.png")
    (tmp_path / "classes.txt").write_bytes(names)
    with pytest.raises(DataError, match=message):
        load(f"folder:{tmp_path}", "train")


def test_class_folder_missing_in_the_classes_file_is_an_error(tmp_path):
    save(tmp_path / "cat" / "0.png")
    (tmp_path / "classes.txt").write_text("dog\n")
    with pytest.raises(DataError, match=r"0\.png: class 'cat' is not in classes\.txt"):
        load(f"folder:{tmp_path}", "train")


def test_train_and_test_folders_are_the_splits_and_share_classes(tmp_path):
    save(tmp_path / "train" / "0_0.png", 1)
    save(tmp_path / "test" / "3_0.png", 2)
    save(tmp_path / "notes" / "0.png", 3)
    train, test = (load(f"folder:{tmp_path}", split) for split in ("train", "test"))
    assert train.classes == test.classes == ("0", "1", "2", "3")
    assert (train.labels.tolist(), test.labels.tolist()) == ([0], [3])
    assert (first_pixels(train.images), first_pixels(test.images)) == ([1], [2])


def test_train_beside_other_class_folders_is_a_class(tmp_path):
    for name in ["train", "bus"]:
        save(tmp_path / name / "0.png")
    assert load(f"folder:{tmp_path}", "test").classes == ("bus", "train")


def test_absent_split_is_an_error(tmp_path):
    save(tmp_path / "test" / "0_0.png")
    assert len(load(f"folder:{tmp_path}", "test").labels) == 1
    with pytest.raises(DataError, match="no image file for the split 'train'"):
        load(f"folder:{tmp_path}", "train")


def test_folder_without_images_is_an_error(tmp_path):
    with pytest.raises(DataError, match="no image file"):
        load(f"folder:{tmp_path}", "train")
    with pytest.raises(DataError, match="is not a folder"):
        load(f"folder:{tmp_path / 'none'}", "train")


@pytest.mark.parametrize("other", ["cat/0.png", "photo.png"])
def test_mixed_or_missing_labels_name_the_file(tmp_path, other):
    save(tmp_path / "0_0.png")
    save(tmp_path / other)
    with pytest.raises(DataError, match=other):
        load(f"folder:{tmp_path}", "train")


def test_a_number_in_a_name_cannot_make_many_classes(tmp_path):
    save(tmp_path / "99999999999_0.png")
    with pytest.raises(DataError, match="label 99999999999, where 0 to 65535 are allowed"):
        load(f"folder:{tmp_path}", "train")


def test_images_take_size_and_channels_of_the_first(tmp_path):
    save(tmp_path / "train" / "0_0.png", size=(4, 3), mode="RGB")
    save(tmp_path / "train" / "0_1.png", size=(9, 9))
    save(tmp_path / "test" / "0_0.png", size=(9, 9))
    assert load(f"folder:{tmp_path}", "train").images.shape == (2, 3, 4, 3)
    assert load(f"folder:{tmp_path}", "test").images.shape == (1, 3, 4, 3)


def test_images_take_the_size_and_channels_requested(tmp_path):
    save(tmp_path / "0_0.png", size=(4, 3))
    for channels in (1, 3):
        images = load(f"folder:{tmp_path}", "train", size=(5, 6), channels=channels).images
        assert images.shape == (1, 5, 6, channels)


@pytest.mark.parametrize("name", [b"caf\xe9", b"a\nb"])
def test_a_class_folder_that_is_no_text_is_refused(tmp_path, name):
    for label in (name, b"dog"):
        save(tmp_path / os.fsdecode(label) / "1.png")
    with pytest.raises(DataError, match="has control characters; rename") as error:
        load(f"folder:{tmp_path}", "train")
    assert str(error.value).isprintable()


def test_damaged_image_is_named(tmp_path):
    save(tmp_path / "0_0.png")
    (tmp_path / "0_1.png").write_bytes(b"no image")
    with pytest.raises(DataError, match=r"0_1\.png: not an image"):
        load(f"folder:{tmp_path}", "train")


def test_a_large_set_is_read_when_asked_for(tmp_path, monkeypatch):
    for value in range(5):
        save(tmp_path / f"0_{value}.png", value)
    monkeypatch.setattr(_file_set, "MAX_ARRAY_BYTES", 5 * 12 - 1)
    images = load(f"folder:{tmp_path}", "train").images
    assert not isinstance(images, np.ndarray)
    assert (len(images), images.shape) == (5, (5, 3, 4, 1))
    assert first_pixels(images) == [0, 1, 2, 3, 4]
    images = pickle.loads(pickle.dumps(images))
    assert images[np.array([4, 0, -1])][:, 0, 0, 0].tolist() == [4, 0, 4]
    assert images[5:].shape == (0, 3, 4, 1)
    (tmp_path / "0_3.png").unlink()
    assert first_pixels(images[:3]) == [0, 1, 2]
    with pytest.raises(DataError, match=r"0_3\.png: No such file"):
        images[3:4]


def test_many_images_are_read_in_batches(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(_image_files, "_PROGRESS_FROM", 5)
    monkeypatch.setattr(_image_files, "_BATCH", 2)
    for value in range(5):
        save(tmp_path / f"0_{value}.png", value)
    assert first_pixels(load(f"folder:{tmp_path}", "train").images) == [0, 1, 2, 3, 4]
    assert "5/5" in capsys.readouterr().err


def test_class_names_of_an_editor_that_marks_its_files(tmp_path):
    save(tmp_path / "cat/a.png")
    (tmp_path / "classes.txt").write_bytes(b"\xef\xbb\xbfcat\r\ndog\r\n")
    assert load(f"folder:{tmp_path}", "test").classes == ("cat", "dog")


def test_places_that_cannot_be_are_one_line(tmp_path):
    with pytest.raises(DataError, match="File name too long"):
        load(f"folder:{tmp_path / ('x' * 300)}", "test")
    with pytest.raises(UsageError, match=r"^~nobody-here/x: there is no such home folder"):
        load("folder:~nobody-here/x", "test")
    with pytest.raises(UsageError, match="there is no such home folder"):
        load("cifar10", "test", data_dir="~nobody-here")


def test_a_first_image_that_is_too_wide_is_named(tmp_path):
    save(tmp_path / "cat/a.png", size=(16385, 1))
    with pytest.raises(
        DataError, match=r"a.png: 16385x1 pixels; at most 16384 pixels on each side"
    ):
        load(f"folder:{tmp_path}", "test")


@pytest.mark.parametrize("where", ["train/0_9.png", "test/1_2.png"])
def test_one_image_with_color_makes_all_rgb_and_is_named(tmp_path, capsys, where):
    for name in ("train/0_1.png", "train/0_2.png", "test/1_1.png"):
        save(tmp_path / name, 7)
    assert load(f"folder:{tmp_path}", "train").images.shape[1:] == (3, 4, 1)
    assert capsys.readouterr().err == ""
    save(tmp_path / where, 9, (6, 6), "RGB")
    for split in ("train", "test", "train"):
        assert load(f"folder:{tmp_path}", split).images.shape[1:] == (3, 4, 3)
    first = tmp_path / "train/0_1.png"
    told = f"{tmp_path / where} has color, so all images are RGB; the first, {first}, is grey"
    assert capsys.readouterr().err == f"signbit: {told}\n"
    assert load(f"folder:{tmp_path}", "train", channels=1).images.shape[1:] == (3, 4, 1)


def test_a_first_image_with_color_needs_no_note(tmp_path, capsys):
    save(tmp_path / "0_1.png", 7, mode="RGB")
    save(tmp_path / "0_2.png", 7)
    assert load(f"folder:{tmp_path}", "train").images.shape == (2, 3, 4, 3)
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("mode", ["1", "L", "LA", "I;16", "I", "F", "P", "RGB", "RGBA", "CMYK"])
def test_the_header_says_how_many_channels_will_be_read(tmp_path, mode):
    path = tmp_path / ("a.tif" if mode in ("F", "I", "CMYK") else "a.png")
    Image.new(mode, (5, 5)).save(path)
    assert has_color(path) == (read_pixels(path).shape[-1] == 3)


def test_damaged_images_do_not_decide_the_color_and_are_named(tmp_path):
    save(tmp_path / "0_1.png", 7)
    (tmp_path / "0_2.png").write_bytes(b"no image")
    with pytest.raises(DataError, match=r"0_2\.png: not an image"):
        load(f"folder:{tmp_path}", "train")


def test_class_folders_may_have_names_that_mean_the_same_as_those_listed(tmp_path):
    for value, name in enumerate(["car/a.png", "plane/a.png", "bird/a.png"]):
        save(tmp_path / name, value)
    (tmp_path / "classes.txt").write_text("airplane\nautomobile\nbird\n")
    images = load(f"folder:{tmp_path}", "train")
    assert images.classes == ("airplane", "automobile", "bird")
    assert dict(zip(first_pixels(images.images), images.labels.tolist(), strict=True)) == {
        0: 1,
        1: 0,
        2: 2,
    }
    save(tmp_path / "automobile/b.png", 3)
    with pytest.raises(DataError, match=r"class 'car' is not in classes\.txt"):
        load(f"folder:{tmp_path}", "train")


def test_pipes_are_refused_not_waited_for(tmp_path):
    save(tmp_path / "0_1.png")
    os.mkfifo(tmp_path / "classes.txt")
    with pytest.raises(DataError, match=r"cannot read .*classes\.txt: a device or pipe"):
        load(f"folder:{tmp_path}", "train")
    (tmp_path / "classes.txt").unlink()
    os.mkfifo(tmp_path / "0_0.png")  # the first
    with pytest.raises(DataError, match=r"0_0\.png: a device or pipe, not a file"):
        load(f"folder:{tmp_path}", "train")
    with pytest.raises(DataError, match=r"0_0\.png is a device or pipe; give image files"):
        image_files([tmp_path / "0_0.png"])
    assert len(image_files([tmp_path])) == 2


def test_val_stands_for_a_test_that_is_not_there(tmp_path):
    for value, name in enumerate(["train/n02/a.png", "train/n01/b.png", "val/n01/c.png"]):
        save(tmp_path / name, value)
    assert first_pixels(load(f"folder:{tmp_path}", "test").images) == [2]
    train = load(f"folder:{tmp_path}", "train")
    assert (train.classes, train.labels.tolist()) == (("n01", "n02"), [0, 1])
    save(tmp_path / "test" / "n02" / "d.png", 3)
    assert first_pixels(load(f"folder:{tmp_path}", "test").images) == [3]


def test_folders_with_equal_numbers_and_folders_in_folders_are_in_natural_order(tmp_path):
    names = ["1/b.png", "01/a.png", "1/c/9.png", "1/c/10.png", "1-x/0.png", "2/a.png"]
    for name in names:
        save(tmp_path / name)
    found = labelled_files(tmp_path, "train")
    expected = [str(path) for path in files_in(tmp_path)]
    assert list(found.paths) == expected
    folders = [Path(path).relative_to(tmp_path).parts[0] for path in expected]
    assert [found.classes[label] for label in found.labels] == folders


def test_grey_and_cmyk_files_in_a_set_with_color_become_rgb(tmp_path):
    Image.new("RGB", (4, 3), (10, 200, 30)).save(tmp_path / "0_0.png")
    Image.new("L", (4, 3), 77).save(tmp_path / "0_1.jpg")
    Image.new("CMYK", (4, 3), (255, 0, 255, 0)).save(tmp_path / "0_2.jpg")
    pixels = load(f"folder:{tmp_path}", "train").images[:]
    assert pixels.shape == (3, 3, 4, 3)
    assert abs(pixels[1].astype(int) - 77).max() <= 2
    red, green, blue = pixels[2, 1, 1].tolist()
    assert green > 200 > 50 > max(red, blue)


@pytest.mark.parametrize("names", [["Train", "Test"], ["train", "Val"], ["TRAIN", "test", "docs"]])
def test_folders_of_splits_with_capital_letters_are_not_classes(tmp_path, names):
    for name in names:
        save(tmp_path / name / "cat" / "a.png")
    with pytest.raises(DataError, match=r"must have small letters; rename to "):
        load(f"folder:{tmp_path}", "train")


def test_a_class_with_the_name_of_a_split_may_have_capital_letters(tmp_path):
    for name in ["Train", "Bus"]:
        save(tmp_path / name / "a.png")
    assert load(f"folder:{tmp_path}", "train").classes == ("Bus", "Train")
