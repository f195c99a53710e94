import hashlib
import io
import socket
import tarfile
from dataclasses import replace

import pytest

import signbit.data.cifar10 as module
from signbit.data import _archive, _download, load
from signbit.errors import DataError, OutputError

ARCHIVE = "cifar-10-binary.tar.gz"
FOLDER = "cifar-10-batches-bin"
NAMES = [*(f"data_batch_{number}.bin" for number in range(1, 6)), "test_batch.bin"]
CONTENTS = dict.fromkeys(NAMES, bytes(3073)) | {
    "batches.meta.txt": "".join(f"{number}\n" for number in range(10)).encode()
}


def tar_of(members: dict[str, bytes | tarfile.TarInfo]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for name, content in members.items():
            if isinstance(content, tarfile.TarInfo):
                tar.addfile(content)
                continue
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


def everything() -> dict[str, bytes | tarfile.TarInfo]:
    return {f"{FOLDER}/{name}": content for name, content in CONTENTS.items()}


@pytest.fixture
def publish(site, monkeypatch):
    """Serve an archive in the place of CIFAR-10's, and expect its checksum."""

    def _publish(content: bytes, md5: str | None = None) -> None:
        (site.folder / ARCHIVE).write_bytes(content)
        md5 = hashlib.md5(content).hexdigest() if md5 is None else md5
        source = replace(module.SOURCE, base=site.address, md5=md5)
        monkeypatch.setattr(module, "SOURCE", replace(source, records={"train": 1, "test": 1}))

    return _publish


def files_in(folder) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*"))


def test_archive_is_fetched_and_its_files_are_placed(publish, tmp_path, capsys):
    publish(tar_of(everything()))
    data = tmp_path / "data"
    assert load("cifar10", "train", data_dir=data, download=True).labels.tolist() == [0] * 5
    assert files_in(data) == sorted([FOLDER, *(f"{FOLDER}/{name}" for name in CONTENTS)])
    captured = capsys.readouterr()
    assert ARCHIVE in captured.err
    assert captured.out == ""


def test_nothing_is_fetched_where_all_is_there(publish, tmp_path, site):
    publish(tar_of(everything()))
    load("cifar10", "test", data_dir=tmp_path, download=True)
    (site.folder / ARCHIVE).unlink()
    load("cifar10", "train", data_dir=tmp_path, download=True)


def test_nothing_is_fetched_without_being_asked(publish, tmp_path):
    publish(tar_of(everything()))
    with pytest.raises(DataError, match="not found"):
        load("cifar10", "train", data_dir=tmp_path)


def test_wrong_checksum_leaves_nothing(publish, tmp_path):
    publish(tar_of(everything()), md5="0" * 32)
    data = tmp_path / "data"
    with pytest.raises(DataError, match=f"checksum .* instead of {'0' * 32}"):
        load("cifar10", "train", data_dir=data, download=True)
    assert files_in(data) == [FOLDER]


def test_members_of_other_names_are_not_extracted(publish, tmp_path):
    outside = {
        "../escaped.bin": b"x",
        "/tmp/signbit-escaped.bin": b"x",
        f"{FOLDER}/../escaped.bin": b"x",
        f"{FOLDER}/readme.html": b"x",
        f"elsewhere/{NAMES[0]}": b"x",
    }
    publish(tar_of(outside | everything()))
    data = tmp_path / "data"
    load("cifar10", "train", data_dir=data, download=True)
    assert files_in(data) == sorted([FOLDER, *(f"{FOLDER}/{name}" for name in CONTENTS)])
    assert not (tmp_path / "escaped.bin").exists()


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.DIRTYPE])
def test_links_and_folders_are_refused(publish, tmp_path, kind):
    info = tarfile.TarInfo(f"{FOLDER}/{NAMES[0]}")
    info.type, info.linkname = kind, "/etc/passwd"
    publish(tar_of(everything() | {info.name: info}))
    with pytest.raises(DataError, match="is not a file of at most"):
        load("cifar10", "train", data_dir=tmp_path / "data", download=True)
    assert files_in(tmp_path / "data") == [FOLDER]


def test_members_that_are_too_large_are_refused(publish, tmp_path):
    publish(tar_of({f"{FOLDER}/{NAMES[0]}": bytes(3074)}))
    with pytest.raises(DataError, match=r"data_batch_1\.bin is not a file of at most 3073 bytes"):
        load("cifar10", "train", data_dir=tmp_path / "data", download=True)


def test_missing_members_are_named(publish, tmp_path):
    publish(tar_of({name: content for name, content in everything().items() if "meta" not in name}))
    with pytest.raises(DataError, match=r"does not contain .*batches\.meta\.txt"):
        load("cifar10", "train", data_dir=tmp_path / "data", download=True)


@pytest.mark.parametrize(
    "content", [b"no archive", tar_of({"a": bytes(9999)})[:60]], ids=["text", "cut"]
)
def test_damaged_archives_are_errors(publish, tmp_path, content):
    publish(content)
    with pytest.raises(DataError, match=f"{ARCHIVE}: damaged archive"):
        load("cifar10", "train", data_dir=tmp_path / "data", download=True)


def test_extracting_overwrites_nothing_when_it_fails(tmp_path):
    (tmp_path / "a.tar.gz").write_bytes(tar_of({"f/a": b"new"})[:-20])
    (tmp_path / "a").write_text("old")
    with pytest.raises(DataError, match="damaged archive"):
        _archive.extract(tmp_path / "a.tar.gz", "f", {"a": 9, "b": 9}, tmp_path)


def test_answer_of_the_server_is_told(site, tmp_path):
    with pytest.raises(DataError, match=r"none\.gz could not be downloaded: .*404"):
        _download.fetch(f"{site.address}none.gz", "", tmp_path / "none.gz")
    assert files_in(tmp_path) == ["site"]


def test_broken_connection_leaves_nothing(site, tmp_path):
    with pytest.raises(DataError, match=r"could not be downloaded: .*500"):
        _download.fetch(f"{site.address}a.broken", "", tmp_path / "a")
    assert files_in(tmp_path) == ["site"]


def test_silent_server_runs_into_the_time_out(tmp_path, monkeypatch):
    monkeypatch.setattr(_download, "TIMEOUT_SECONDS", 0.05)
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"http://127.0.0.1:{server.getsockname()[1]}/a"
        with pytest.raises(DataError, match=r"could not be downloaded: .*timed out"):
            _download.fetch(address, "", tmp_path / "a")


def test_no_network_says_what_else_to_do(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    with pytest.raises(DataError, match=r"could not be downloaded: \[Errno.*refused.*--data-dir"):
        _download.fetch(f"http://127.0.0.1:{port}/a", "", tmp_path / "a")


def test_more_than_the_limit_is_not_kept(site, tmp_path, monkeypatch):
    monkeypatch.setattr(_download, "MAX_BYTES", 10)
    (site.folder / "a").write_bytes(bytes(11))
    with pytest.raises(DataError, match="more than 10 bytes"):
        _download.fetch(f"{site.address}a", "", tmp_path / "a")
    assert files_in(tmp_path) == ["site", "site/a"]


def test_interrupted_download_leaves_nothing(site, tmp_path, monkeypatch):
    (site.folder / "a").write_bytes(bytes(11))

    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(_download.hashlib, "md5", lambda **_: type("", (), {"update": interrupt})())
    with pytest.raises(KeyboardInterrupt):
        _download.fetch(f"{site.address}a", "", tmp_path / "a")
    assert files_in(tmp_path) == ["site", "site/a"]


def test_place_that_cannot_be_written_is_an_output_error(publish, tmp_path):
    publish(tar_of(everything()))
    (tmp_path / "data").write_text("a file")
    with pytest.raises(OutputError, match="cannot write"):
        load("cifar10", "train", data_dir=tmp_path / "data", download=True)
