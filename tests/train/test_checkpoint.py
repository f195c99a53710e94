import os
import random
import zipfile

import pytest
import torch

from signbit.errors import CheckpointError, UsageError
from signbit.train._checkpoint import RunCheckpointIO

FACTS = {"model": "m", "recipe": {"epochs": 3, "init": None}}
CONTENT = {"state_dict": {"w": torch.arange(6.0).view(2, 3)}, "epoch": 2}


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "last.ckpt"
    RunCheckpointIO(FACTS).save_checkpoint(CONTENT, path)
    return path


def refusal(path) -> str:
    with pytest.raises(CheckpointError) as caught:
        RunCheckpointIO(FACTS).load_checkpoint(path)
    message = str(caught.value)
    assert message.startswith(str(path))
    assert message.isprintable()
    return message


def test_what_was_saved_is_loaded_and_torch_can_load_it_too(path):
    found = RunCheckpointIO(FACTS).load_checkpoint(path)
    assert found["epoch"] == 2
    assert torch.equal(found["state_dict"]["w"], CONTENT["state_dict"]["w"])
    assert torch.equal(
        torch.load(path, weights_only=True)["state_dict"]["w"], found["state_dict"]["w"]
    )


def test_every_changed_bit_is_refused(path):
    """One bit of each byte of the archive, all bits of the digest and what tells of it."""
    whole, draw = path.read_bytes(), random.Random(0)
    last = range(8 * (len(whole) - 110), 8 * len(whole))
    bits = [*(8 * place + draw.randrange(8) for place in range(len(whole))), *last]
    for bit in bits:
        damaged = bytearray(whole)
        damaged[bit // 8] ^= 1 << bit % 8
        path.write_bytes(damaged)
        assert "damaged" in refusal(path), bit
    assert "copy it again, or delete it and train again" in refusal(path)


def test_a_checkpoint_of_an_earlier_version_is_read_and_its_sums_are_compared(path):
    torch.save({**CONTENT, "signbit": FACTS}, path)
    assert RunCheckpointIO(FACTS).load_checkpoint(path)["epoch"] == 2
    content = bytearray(path.read_bytes())
    content[content.index(CONTENT["state_dict"]["w"].numpy().tobytes()) + 5] ^= 1
    path.write_bytes(content)
    assert "CRC" in refusal(path)


def test_a_cut_or_compressed_file_is_refused(path, tmp_path):
    whole = path.read_bytes()
    for length in (0, 10, len(whole) - 1, len(whole) - 79):
        path.write_bytes(whole[:length])
        refusal(path)
    (tmp_path / "whole").write_bytes(whole)
    with (
        zipfile.ZipFile(tmp_path / "whole") as old,
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as new,
    ):
        for name in old.namelist():
            new.writestr(name, old.read(name) + b"\0" * 4096)
    assert "is compressed" in refusal(path)


def test_a_pipe_is_refused_and_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "last.ckpt")
    assert "a device or pipe, not a file" in refusal(tmp_path / "last.ckpt")


def test_other_facts_are_named(path):
    with pytest.raises(
        UsageError, match=r"was trained with recipe\.epochs 3, now 4\. To go on, set this back"
    ):
        RunCheckpointIO({"model": "m", "recipe": {"epochs": 4, "init": None}}).load_checkpoint(path)


def doubled(empty: type, levels: int):
    part = empty()
    for _ in range(levels):
        part = [part, part] if empty is list else {"a": part, "b": part}
    return part


def in_itself() -> list:
    part: list = []
    part.append(part)
    return part


NONE_OF_OURS = {
    "deep": doubled(list, 60),
    "wide": doubled(list, 19),
    "mappings": doubled(dict, 60),
    "in itself": in_itself(),
    "long number": 1 << 1_000,
    "tensor": torch.zeros(1),
    "tensor in a list": [torch.zeros(1)],
    "many": [[0] * 1000] * 1000,
}


@pytest.mark.parametrize("kind", NONE_OF_OURS)
def test_facts_that_no_run_has_are_refused(path, kind):
    torch.save({**CONTENT, "signbit": FACTS | {"x": NONE_OF_OURS[kind]}}, path)
    assert "the facts about its run are not plain values of the expected form" in refusal(path)


def test_objects_are_refused_even_where_old_files_may_have_them(path):
    torch.save({**CONTENT, "signbit": FACTS, "x": {1, 2}}, path)
    assert "it asks for __builtin__.set" in refusal(path)
