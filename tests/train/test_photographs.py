"""From shards of photographs to a packed network: one crop, the same pixels everywhere."""

import io
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from helpers.parts import write_tar
from PIL import Image

from signbit.cli import main
from signbit.data import load, read_image
from signbit.errors import UsageError
from signbit.format import PackedModel
from signbit.format.file import to_bytes
from signbit.models import load_model
from signbit.pack import OutputSpec, pack
from signbit.runtime.engine import Engine
from signbit.scoring import evaluate, predict
from signbit.train import Run, load_recipe, train

TINY = {
    "epochs": 1,
    "batch_size": 8,
    "val_size": 8,
    "model": {"input_size": [32, 32], "widths": [8, 16], "blocks": [1, 1]},
}


def jpegs(count: int) -> list[bytes]:
    """Digits as color pictures of 60x40, the digit to the left: whole and centre differ."""
    digits = load("digits", "train").images[:count][..., 0]
    contents = []
    for number, digit in enumerate(digits):
        picture = Image.new("RGB", (60, 40), (number * 5 % 256, 90, 30))
        picture.paste(Image.fromarray(digit).resize((40, 40)).convert("RGB"), (0, 0))
        held = io.BytesIO()
        picture.save(held, "jpeg", quality=92)
        contents.append(held.getvalue())
    return contents


@pytest.fixture(scope="module")
def photographs(tmp_path_factory) -> Path:
    """Tar shards for training and for validation, and the latter as files in `files`."""
    folder = tmp_path_factory.mktemp("photographs")
    labels = load("digits", "train").labels
    members = [
        member
        for number, content in enumerate(jpegs(48))
        for member in ((f"{number:03}.jpg", content), (f"{number:03}.cls", b"%d" % labels[number]))
    ]
    write_tar(folder / "train-0.tar", members[:40])
    write_tar(folder / "train-1.tar", members[40:72])
    write_tar(folder / "val-0.tar", members[72:])
    (folder / "classes.txt").write_text("".join(f"{n}\n" for n in range(10)))
    (folder / "files").mkdir()
    for name, content in members[72::2]:
        number = int(name[:3])
        (folder / "files" / f"{labels[number]}_{number}.jpg").write_bytes(content)
    (folder / "files" / "classes.txt").write_text((folder / "classes.txt").read_text())
    return folder


@pytest.fixture(scope="module")
def run(photographs, tmp_path_factory) -> Run:
    folder = tmp_path_factory.mktemp("run") / "run"
    run = Run(load_recipe("imagenet", TINY), "quicknet", f"tar:{photographs}", folder)
    metrics = train(run)
    assert metrics["epoch"] == 1
    assert {"loss", "val_accuracy", "feed_share"} <= metrics.keys()
    return run


@pytest.fixture(scope="module")
def packed(run) -> PackedModel:
    trained = load_model(run.folder)
    return PackedModel.load(to_bytes(pack(trained.module, trained.preprocessing)))


def test_the_crop_goes_from_the_recipe_to_the_packed_file(run, packed):
    assert load_model(run.folder).preprocessing.crop == 0.875
    assert packed.inputs[0].crop == packed.preprocessing.crop == 0.875
    assert Engine(packed).preprocessing.crop == 0.875


def test_the_crop_stays_where_outputs_are_described(run):
    trained = load_model(run.folder)
    pixels = replace(trained.preprocessing, classes=())
    outputs = [OutputSpec("answer", kind="classes")]
    assert pack(trained.module, pixels, outputs=outputs).inputs[0].crop == 0.875


def test_every_way_to_the_pixels_crops_alike(photographs, run, packed):
    wanted = {"size": (32, 32), "channels": 3}
    cropped = load(f"tar:{photographs}", "test", **wanted, crop=0.875)
    assert not np.array_equal(
        cropped.images[:], load(f"tar:{photographs}", "test", **wanted).images[:]
    )
    files = load(f"folder:{photographs / 'files'}", "test", **wanted, crop=0.875)
    assert sorted(map(bytes, files.images[:])) == sorted(map(bytes, cropped.images[:]))
    engine, trained = Engine(packed), load_model(run.folder)
    whole = evaluate(engine, cropped)
    assert whole.figures.top1 == evaluate(trained, cropped).figures.top1
    paths = sorted((photographs / "files").glob("*.jpg"))
    pixels = np.stack([read_image(path, (32, 32), 3, crop=0.875) for path in paths])
    answers = engine.scores(pixels).argmax(axis=1)
    found = list(predict(engine, paths, list("0123456789")))
    assert [one.top[0][0] for one in found] == [str(label) for label in answers]  # pyright: ignore


def test_commands_read_shards_with_the_crop_of_the_network(
    photographs, run, packed, tmp_path, capsys
):
    packed.save(tmp_path / "net.signbit")
    tops = []
    for model in (tmp_path / "net.signbit", run.folder):
        for data in (f"tar:{photographs}", f"folder:{photographs / 'files'}"):
            written = tmp_path / "figures.json"
            arguments = ["evaluate", str(model), "--data", data, "--json", str(written)]
            with pytest.raises(SystemExit) as stop:
                main(arguments)
            assert stop.value.code == 0
            tops.append(json.loads(written.read_text())["top1"])
    capsys.readouterr()
    assert len(set(tops)) == 1
    with pytest.raises(SystemExit):
        main(["summary", str(tmp_path / "net.signbit")])
    assert "pixels (u8, 32, 32, 3), crop 0.875, value 0" in capsys.readouterr().out


def test_a_data_set_without_files_is_not_cropped(tmp_path):
    recipe = load_recipe("digits", {"input": {"crop": 0.5}})
    with pytest.raises(UsageError, match=r"input\.crop is 0\.5, but 'digits' has no image files"):
        train(Run(recipe, "digits_binary", "digits", tmp_path / "run"))


def test_shards_and_files_train_to_the_same_weights(photographs, run, tmp_path):
    """Whatever the source, the same places have the same parts."""
    folder, tmp_path = tmp_path, tmp_path / "data"
    content = jpegs(36)
    labels = load("digits", "train").labels
    for number, one in enumerate(content):
        path = tmp_path / "train" / str(labels[number]) / f"{number:03}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(one)
    (tmp_path / "classes.txt").write_text((photographs / "classes.txt").read_text())
    # The shards in the order of the files.
    paths = load(f"folder:{tmp_path}", "train", in_memory=False).images.source.paths  # pyright: ignore
    order = [int(Path(path).stem) for path in paths]
    members = [
        member
        for place, number in enumerate(order)
        for member in ((f"{place}.jpg", content[number]), (f"{place}.cls", b"%d" % labels[number]))
    ]
    write_tar(tmp_path / "train-0.tar", members)
    weights = []
    for kind in ("folder", "tar"):
        one = replace(run, data=f"{kind}:{tmp_path}", folder=folder / kind)
        train(one)
        weights.append(load_model(one.folder).module.state_dict())
    for key, value in weights[0].items():
        assert torch.equal(value, weights[1][key]), key
