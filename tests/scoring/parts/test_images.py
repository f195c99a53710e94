"""Shards that are damaged, hostile, or hold something else than images."""

import io
import tarfile

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from helpers.parts import JOB, pngs, write_tar

from signbit.scoring.parts import PartAnswerer, find_parts


def result_of(path, job=JOB):
    (part,) = find_parts(str(path))
    return PartAnswerer(job, "run")(part)


def rows_of(path):
    result = result_of(path)
    assert result.problem is None, result.problem
    return pq.read_table(io.BytesIO(result.content)).to_pylist()


@pytest.fixture
def shard(tmp_path):
    """A shard of three images."""
    path = tmp_path / "a.tar"
    write_tar(path, [(f"{index}.png", pngs()[index]) for index in range(3)])
    return path


def test_every_early_end_of_a_shard_is_found(shard):
    whole = shard.read_bytes()
    with tarfile.open(shard) as archive:
        *_, last = archive
    end = last.offset_data + -(-last.size // 512) * 512
    for size in (0, 1, 511, 513, 700, last.offset, last.offset + 100, last.offset_data + 5, end):
        shard.write_bytes(whole[:size])
        problem = str(result_of(shard).problem)
        assert problem.startswith("a.tar: damaged tar shard: "), size
        assert "\n" not in problem
    shard.write_bytes(whole[: end + 512])
    assert len(rows_of(shard)) == 3


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda whole: whole + whole, "bytes follow the end of the archive"),
        (lambda whole: whole[:1024] + b"x" * 512 + whole[1536:], "no header at byte 1024"),
        (lambda whole: b"PK\3\4" + whole[4:], "damaged tar shard"),
    ],
    ids=["joined", "header", "zip"],
)
def test_a_damaged_shard_is_refused(shard, change, says):
    shard.write_bytes(change(shard.read_bytes()))
    assert says in str(result_of(shard).problem)


def header(name: str, size: int, kind: bytes = tarfile.REGTYPE) -> bytearray:
    member = tarfile.TarInfo(name)
    member.size, member.type = max(size, 0), kind
    return bytearray(member.tobuf(tarfile.GNU_FORMAT))


def sealed(block: bytearray) -> bytes:
    """The header with its checksum."""
    block[148:156] = b" " * 8
    block[148:156] = f"{sum(block):06o}\0 ".encode()
    return bytes(block)


@pytest.mark.parametrize("kind", [tarfile.XHDTYPE, tarfile.GNUTYPE_LONGNAME], ids=["pax", "name"])
def test_a_header_that_asks_for_much_memory_is_refused(tmp_path, kind):
    path = tmp_path / "a.tar"
    with path.open("wb") as file:
        file.write(sealed(header("x", 1 << 29, kind)))
        file.truncate(1 << 30)  # sparse: it takes no room
    assert "a header asks for" in str(result_of(path).problem)


def test_headers_inside_headers_without_end_are_refused(tmp_path):
    path = tmp_path / "a.tar"
    block = sealed(header("x", 5, tarfile.GNUTYPE_LONGNAME)) + b"name\0".ljust(512, b"\0")
    path.write_bytes(block * 20_000 + bytes(1024))
    assert "damaged tar shard" in str(result_of(path).problem)


def test_a_negative_size_is_refused(tmp_path, shard):
    block = header("1.png", 0)
    block[124:136] = b"\xff" * 10 + (-1024).to_bytes(2, "big", signed=True)
    path = tmp_path / "b.tar"
    path.write_bytes(shard.read_bytes()[:1024] + sealed(block) + bytes(10240))
    assert "damaged tar shard" in str(result_of(path).problem)


def test_members_that_are_no_plain_image_are_rows_with_an_error(tmp_path):
    path = tmp_path / "a.tar"
    with tarfile.open(path, "w") as archive:
        for name, kind in (("1.png", tarfile.SYMTYPE), ("2.png", tarfile.LNKTYPE)):
            member = tarfile.TarInfo(name)
            member.type, member.linkname = kind, "/etc/passwd"
            archive.addfile(member)
        for name, content in (("dir/3.PNG", pngs()[3]), ("4.jpg", b""), ("._5.png", b"mac")):
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    rows = rows_of(path)
    assert [row["sample"] for row in rows] == ["1.png", "2.png", "dir/3.PNG", "4.jpg"]
    assert [row["error"] is None for row in rows] == [False, False, True, False]
    assert rows[0]["error"].startswith("a link, a device or a sparse file")


def test_an_image_that_is_too_large_is_not_read(tmp_path):
    path = tmp_path / "a.tar"
    with path.open("wb") as file:
        file.write(sealed(header("1.png", 1 << 29)))
        file.truncate(512 + (1 << 29) + 1024)
    (row,) = rows_of(path)
    assert row["error"] == f"{1 << 29} bytes; images of at most {1 << 28} bytes are allowed"


def test_names_that_are_no_utf8_become_escapes(tmp_path):
    write_tar(tmp_path / "a.tar", [("\udcff.png", pngs()[0])])
    (row,) = rows_of(tmp_path / "a.tar")
    assert row["sample"] == "\\xff.png"


def test_a_shard_without_images_is_refused(tmp_path):
    write_tar(tmp_path / "a.tar", [("a.json", b"{}")])
    assert "a.tar holds no image" in str(result_of(tmp_path / "a.tar").problem)


def test_a_parquet_shard_that_ends_early_is_refused(tmp_path):
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"png": [pngs()[0]]}), path)
    path.write_bytes(path.read_bytes()[:-20])
    problem = str(result_of(path).problem)
    assert problem.startswith("a.parquet: damaged Parquet: ")


def test_of_two_columns_of_bytes_one_must_be_chosen(tmp_path):
    from dataclasses import replace

    from signbit.data import Selection

    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"a": [b"x"], "b": [pngs()[0]]}), path)
    assert "a.parquet has 2 columns of bytes (a, b)" in str(result_of(path).problem)
    job = replace(JOB, chosen=Selection(features=((None, ["b"]),)))
    assert result_of(path, job).errors == 0
    job = replace(JOB, chosen=Selection(features=((None, ["c"]),)))
    assert "c is not one column of images as bytes" in str(result_of(path, job).problem)
