import io
import pickle
import random
import tracemalloc
import zipfile
from collections import OrderedDict

import pytest
import torch

from signbit.errors import CheckpointError
from signbit.models import _torch_file
from signbit.models._torch_file import parse_torch_file, read_torch_file

BASE = torch.arange(24.0)
CONTENT = {
    "state": OrderedDict(a=BASE.view(2, 3, 4), b=BASE[3:9:2], c=torch.nn.Parameter(BASE.clone())),
    "types": [torch.ones(3).to(t) for t in (torch.float64, torch.bfloat16, torch.int8, torch.bool)],
    "layout": torch.randn(2, 3, 4, 5).to(memory_format=torch.channels_last),
    "empty": torch.empty(0, 3),
    "scalar": torch.tensor(3),
    "plain": {1: None, "x": (True, 2.5, "é", -7, 1 << 70, [[]], torch.Size([2, 3]))},
}


def saved(content: object, zipped: bool = True) -> bytes:
    file = io.BytesIO()
    torch.save(content, file, _use_new_zipfile_serialization=zipped)
    return file.getvalue()


def refused(content: bytes) -> str:
    """What the error says, in one line."""
    with pytest.raises(CheckpointError) as caught:
        parse_torch_file("it.pth", content)
    message = str(caught.value)
    assert message.startswith("it.pth: ")
    assert message.isprintable()
    return message


def rezipped(content: bytes, change, **options) -> bytes:
    """The archive with (name, bytes) of each member changed."""
    file = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(file, "w", **options) as new:
        for name in old.namelist():
            new.writestr(*change(name, old.read(name)))
    return file.getvalue()


def assert_equal(found, wanted):
    if isinstance(wanted, torch.Tensor):
        assert (found.dtype, found.stride()) == (wanted.dtype, wanted.stride())
        assert torch.equal(found, wanted)
    elif isinstance(wanted, dict):
        assert list(found) == list(wanted)
        for key, value in wanted.items():
            assert_equal(found[key], value)
    elif isinstance(wanted, list | tuple):
        assert len(found) == len(wanted)
        for one, other in zip(found, wanted, strict=True):
            assert_equal(one, other)
    else:
        assert found == wanted


@pytest.mark.parametrize("zipped", [True, False])
def test_tensors_and_plain_values_are_those_of_torch_load(zipped):
    content = saved(CONTENT, zipped)
    found = parse_torch_file("x", content)
    assert_equal(found, torch.load(io.BytesIO(content), weights_only=True))
    found["state"]["a"][0, 0, 3] = -1.0
    assert found["state"]["b"][0] == -1.0, "views of one storage share it"


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_every_protocol_is_read(protocol):
    file = io.BytesIO()
    torch.save(CONTENT["state"], file, pickle_protocol=protocol)
    assert_equal(parse_torch_file("x", file.getvalue()), CONTENT["state"])


def test_a_compressed_archive_takes_little_memory():
    whole = saved({"x": torch.zeros(1 << 24)})
    bomb = rezipped(whole, lambda *member: member, compression=zipfile.ZIP_DEFLATED)
    assert len(bomb) < 1 << 17
    tracemalloc.start()
    try:
        assert "is compressed" in refused(bomb)
        assert tracemalloc.get_traced_memory()[1] < 1 << 20
    finally:
        tracemalloc.stop()


def test_members_that_claim_more_than_the_file_are_refused():
    content = bytearray(saved({"x": torch.zeros(8)}))
    entry = content.index(b"archive/data/0", content.index(b"PK\x01\x02")) - 46
    for place in (20, 24):
        content[entry + place : entry + place + 4] = (1 << 30).to_bytes(4, "little")
    assert "should have more bytes" in refused(bytes(content))


def test_many_members_are_refused_before_they_are_listed():
    assert "more than 32768 files" in refused(b"PK\x03\x04" + b"PK\x01\x02" * 40_000)


def test_a_file_larger_than_allowed_is_not_read(tmp_path):
    with (tmp_path / "x.pth").open("wb") as file:
        file.truncate(1 << 33)
    with pytest.raises(CheckpointError, match="more than 4294967296 bytes"):
        read_torch_file(tmp_path / "x.pth")


def grown(name: str, part: bytes) -> tuple[str, bytes]:
    """A tensor of 8 numbers that says it has 120."""
    return name, part.replace(b"K\x08\x85", b"K\x78\x85") if name.endswith(".pkl") else part


def test_a_tensor_past_its_storage_is_refused():
    """Torch makes the storage larger, with whatever the memory holds as weights."""
    assert "reaches past its storage" in refused(rezipped(saved({"x": torch.zeros(8)}), grown))
    old = saved({"x": torch.zeros(8)}, zipped=False)
    assert "reaches past its storage" in refused(old.replace(b"K\x08\x85", b"K\x78\x85"))


def test_an_old_storage_that_claims_more_than_the_file_is_refused():
    old = saved({"x": torch.zeros(8)}, zipped=False)
    claim = (1 << 40).to_bytes(8, "little")
    damaged = old[: -32 - 8] + claim + old[-32:]
    assert "a storage should have 4398046511104 bytes, but 32 are left" in refused(damaged)


@pytest.mark.parametrize("zipped", [True, False])
def test_truncated_files_are_refused(zipped):
    content = saved(CONTENT, zipped)
    for length in range(0, len(content), 97):
        refused(content[:length])


def test_every_changed_bit_of_a_stored_number_is_refused():
    content = saved({"x": BASE})
    start = content.index(BASE.numpy().tobytes())
    draw = random.Random(0)
    for place in range(start, start + 96):
        damaged = bytearray(content)
        damaged[place] ^= 1 << draw.randrange(8)
        assert "CRC" in refused(bytes(damaged))


def zipped_pickle(text: bytes) -> bytes:
    return rezipped(saved({}), lambda name, part: (name, text if name[-4:] == ".pkl" else part))


def test_a_list_that_is_copied_again_and_again_is_refused():
    head = b"\x80\x02]q\x00(" + b"K\x01K\x02\x86" * 1000 + b"e"
    calls = b"ccollections\nOrderedDict\nh\x00\x85R" * 1000
    assert "more entries than the file has bytes" in refused(zipped_pickle(head + calls + b"."))


def test_a_key_that_takes_for_ever_to_hash_is_refused():
    doubled = b"\x80\x02}K\x01" + b"q\x00h\x00\x86" * 60
    assert "tuple as a key" in refused(zipped_pickle(doubled + b"Ns."))


@pytest.mark.parametrize(
    ("text", "name"),
    [
        (b"cos\nsystem\n(X\x02\x00\x00\x00lstR.", "os.system"),
        (b"\x80\x04\x8c\x08builtins\x8c\x04eval\x93.", "builtins.eval"),
        (b"c__main__\nNet\n)\x81.", "__main__.Net"),
        (b"c\x1b[31m\nx\n.", r"\x1b[31m.x"),
    ],
)
def test_what_a_pickle_asks_for_is_named(text, name):
    message = refused(zipped_pickle(text))
    assert f"it asks for {name}, but only tensors" in message
    assert "torch.save(model.state_dict(), FILE)" in message


@pytest.mark.parametrize(
    "text", [b"(i__main__\nNet\n.", b"0.", b"h\x05.", b"K\x01K\x02R.", b"\xff"]
)
def test_other_operations_and_damage_are_refused(text):
    refused(zipped_pickle(text))


def test_a_bare_pickle_is_refused():
    assert "neither a zip archive nor the older format" in refused(pickle.dumps({"a": 1}))


def test_more_instructions_than_tensors_need_are_refused(monkeypatch):
    parse_torch_file("it.pth", zipped_pickle(b"]0" * 600 + b"N."))
    monkeypatch.setattr(_torch_file, "_MAX_STEPS", 1000)
    assert "more than 1000 instructions" in refused(zipped_pickle(b"]0" * 600 + b"N."))


def test_a_key_of_an_old_storage_that_takes_for_ever_to_hash_is_refused():
    old = saved({}, zipped=False)
    assert old.endswith(b"\x80\x02]q\x00.")
    doubled = b"]K\x01" + b"q\x00h\x00\x86" * 60 + b"a."
    assert "tuple as the key of a storage" in refused(old[: -len(b"]q\x00.")] + doubled)


def test_a_persistent_id_of_many_parts_is_refused():
    assert "no storage" in refused(zipped_pickle(b"(" + b"N" * 1000 + b"tQ."))


def test_a_text_with_half_a_surrogate_pair_is_no_damage():
    content = {"path": "a\udcff", "x": torch.ones(1)}
    assert parse_torch_file("x", saved(content))["path"] == "a\udcff"


def test_a_view_of_negated_numbers_is_refused(tmp_path):
    """Its storage holds the numbers with the other sign."""
    negated = torch.tensor([1j, 2j]).conj().imag
    assert negated.is_neg()
    torch.save({"a": negated}, tmp_path / "neg.pth")
    with pytest.raises(CheckpointError, match="negative or conjugate"):
        read_torch_file(tmp_path / "neg.pth")
