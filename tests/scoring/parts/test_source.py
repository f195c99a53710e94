import os

import pytest
from helpers.parts import JOB, pngs, write_tar

from signbit.errors import DataError, MissingDependencyError, UsageError
from signbit.scoring.parts import PartAnswerer, find_parts
from signbit.scoring.parts.source import IMAGES_IN_PART


def names(parts):
    return [[name for name, _ in part.files] for part in parts]


def test_images_are_grouped_in_natural_order(tmp_path):
    for index in range(IMAGES_IN_PART + 1):
        (tmp_path / f"{index}.png").write_bytes(b"x")
    first, last = find_parts(str(tmp_path))
    assert names([first])[0] == [f"{index}.png" for index in range(IMAGES_IN_PART)]
    assert last.files == ((f"{IMAGES_IN_PART}.png", 1),)
    assert (first.number, last.number, first.kind) == (0, 1, "images")


@pytest.fixture
def tree(tmp_path):
    for name in ("10.tar", "2.tar", "b/3.tar", "b/.hid/4.tar", ".5.tar", "b/6.txt"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"x")
    return tmp_path


@pytest.mark.parametrize("as_url", [False, True])
@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ("", [["2.tar"], ["10.tar"], ["b/3.tar"]]),
        ("/b", [["3.tar"]]),
        ("/2.tar", [["2.tar"]]),
        ("/*.tar", [["2.tar"], ["10.tar"]]),
        ("/*/*.tar", [["b/3.tar"]]),
    ],
)
def test_a_path_and_a_url_give_the_same_parts(tree, pattern, found, as_url):
    source = (tree.as_uri() if as_url else str(tree)) + pattern
    assert names(find_parts(source)) == found


@pytest.mark.parametrize("as_url", [False, True])
@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("missing", "missing does not exist; give a file, a folder or a URL"),
        ("b/*.tgz", "holds no image, .parquet or .tar file"),
        ("*", "holds files of several kinds"),
    ],
)
def test_what_is_no_source_is_refused(tree, name, says, as_url):
    (tree / "1.png").write_bytes(b"x")
    root = tree.as_uri() if as_url else str(tree)
    with pytest.raises(DataError, match=rf"^[^\n]*{says}"):
        find_parts(f"{root}/{name}")


def test_a_pipe_is_refused(tmp_path):
    os.mkfifo(tmp_path / "a.tar")
    with pytest.raises(DataError, match="is a device or pipe"):
        find_parts(str(tmp_path / "a.tar"))


def test_urls_that_nothing_opens_are_refused():
    with pytest.raises(UsageError, match="give a URL that fsspec knows"):
        find_parts("nothing://bucket/a.tar")
    with pytest.raises(MissingDependencyError, match="s3fs"):
        find_parts("s3://bucket/a.tar")


def test_a_pipe_among_images_is_a_row_with_an_error(tmp_path):
    (tmp_path / "1.png").write_bytes(pngs()[1])
    os.mkfifo(tmp_path / "2.png")
    result = PartAnswerer(JOB, "run")(find_parts(str(tmp_path))[0])
    assert (result.rows, result.errors, result.problem) == (2, 1, None)


@pytest.mark.parametrize("as_url", [False, True])
@pytest.mark.parametrize("name", ["1.png", "1.tar"])
@pytest.mark.parametrize("change", ["removed", "longer"])
def test_a_file_that_changed_since_it_was_listed_fails_its_part(tmp_path, name, change, as_url):
    path = tmp_path / name
    write_tar(path, [("1.png", pngs()[1])])
    (part,) = find_parts(path.as_uri() if as_url else str(path))
    if change == "removed":
        path.unlink()
    else:
        path.write_bytes(path.read_bytes() + bytes(512))
    result = PartAnswerer(JOB, "run")(part)
    says = f"cannot read {name}: " if change == "removed" else "it was cut short or changed"
    assert says in str(result.problem)
    assert result.content == b""
