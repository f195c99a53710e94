"""Folders of BNN-PYNQ: the published networks on real data, random ones, and damaged ones."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from helpers.bnn_pynq import TINY, TINY_YAML, scores, write_folder

from signbit.convert import read
from signbit.data import load
from signbit.errors import ConvertError
from signbit.importers.bnn_pynq import _network
from signbit.runtime.engine import Engine
from signbit.yaml_file import dump_yaml

PUBLISHED = Path(__file__).resolve().parents[3] / "shared" / "data" / "bnn-pynq"
needs_published = pytest.mark.skipif(
    not PUBLISHED.is_dir(), reason="needs the published networks beside the checkout"
)


@pytest.fixture
def layers_file(tmp_path):
    def write(values=TINY_YAML):
        (tmp_path / "layers.yaml").write_text(dump_yaml(values))
        return tmp_path / "layers.yaml"

    return write


@needs_published
def test_the_published_cnv_is_right_as_often_as_a_plain_computation(cifar10_dir):
    test = load("cifar10", "test", data_dir=cifar10_dir)
    model = read(PUBLISHED / "cifar10-cnvW1A1", "cnv")
    found = Engine(model, threads=2).classify(np.asarray(test.images))
    assert (found == test.labels).sum() == 7922
    assert model.preprocessing.classes[3] == "Cat"


@needs_published
def test_the_published_lfc_sets_the_bit_of_its_image_alone():
    image = np.fromfile(PUBLISHED / "three-images-idx3-ubyte", np.uint8, offset=16)
    found = Engine(read(PUBLISHED / "mnist-lfcW1A1", "lfc")).scores(image.reshape(1, 28, 28, 1))
    assert found.tolist() == [[-1, -1, -1, 1, -1, -1, -1, -1, -1, -1]]


@pytest.mark.parametrize("pixels", ["fixed-point", "binary"])
def test_a_network_computes_what_the_fpga_does(tmp_path, layers_file, pixels):
    layers = replace(TINY, pixels=pixels)
    parameters = write_folder(tmp_path / "net", layers)
    model = read(tmp_path / "net", layers_file(TINY_YAML | {"pixels": pixels}))
    images = np.random.default_rng(1).integers(256, size=(20, 9, 8, 2), dtype=np.uint8)
    wanted = [scores(layers, parameters, image) for image in images]
    assert len(np.unique(wanted, axis=0)) > 3
    np.testing.assert_array_equal(Engine(model).scores(images), wanted)


def test_pixels_are_rounded_to_fixed_point_as_described():
    every = np.arange(256)
    model = _network._Graph(Path("net"), TINY)
    scale, bias = (model.nodes[0].tensors[name][0] for name in ("scale", "bias"))
    found = np.floor(every.astype(np.float32) * scale + bias).clip(-128, 127)
    wanted = np.minimum(np.floor((every / 255 * 2 - 1) * 128 + 0.5), 127)
    np.testing.assert_array_equal(found, wanted)


def test_thresholds_of_any_64_bits_are_above_or_below_every_sum(tmp_path, layers_file):
    write_folder(tmp_path / "net", TINY)
    ends = np.array([-(2**63), 2**63 - 1, 0], "<i8")
    for pe in range(2):
        (tmp_path / f"net/0-{pe}-thres.bin").write_bytes(ends.tobytes())
    model = read(tmp_path / "net", layers_file())
    images = np.random.default_rng(1).integers(256, size=(3, 9, 8, 2), dtype=np.uint8)
    bits = Engine(model).features(images, of=5)
    assert bits[..., :2].all()
    assert not bits[..., 2:4].any()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda f: (f / "1-2-weights.bin").unlink(), "1-2-weights.bin: cannot be read: No such"),
        (lambda f: (f / "1-2-weights.bin").write_bytes(b"1234567"), "7 bytes; give 64-bit words"),
        (lambda f: (f / "1-2-weights.bin").write_bytes(b""), "0 bytes; give 64-bit words"),
        (lambda f: (f / "1-2-weights.bin").write_bytes(bytes(8)), "layer 1: its files have"),
        (lambda f: (f / "2-0-thres.bin").write_bytes(bytes(8)), "layer 2: its thresholds have"),
        (
            lambda f: (f / "0-0-weights.bin").write_bytes(b"\x08" + bytes(143)),
            "layer 0: a word has bits beyond its 3 weights",
        ),
        (
            lambda f: [(f / f"1-{pe}-thres.bin").unlink() for pe in range(3)],
            "layer 1 has no thresholds, so it must be the last one",
        ),
        (lambda f: (f / "1-1-thres.bin").unlink(), "1-1-thres.bin: cannot be read"),
        (lambda f: (f / "classes.txt").write_bytes(b"\xff\xfe"), "classes.txt: not text"),
    ],
)
def test_damaged_folders_are_refused_by_the_file_or_layer(tmp_path, layers_file, change, message):
    write_folder(tmp_path / "net", TINY)
    change(tmp_path / "net")
    with pytest.raises(ConvertError, match=message):
        read(tmp_path / "net", layers_file())


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ([], r"layers.yaml is \[\]; give an object"),
        ({}, "field 'size' is missing"),
        (TINY_YAML | {"more": 1}, "unknown field 'more'"),
        (TINY_YAML | {"size": 9}, r"size is 9; give \[height, width\]"),
        (TINY_YAML | {"size": [9, 0]}, "size is 0; give a whole number, 1 to 1024"),
        (TINY_YAML | {"channels": True}, "channels is True; give a whole number"),
        (TINY_YAML | {"pixels": "grey"}, "pixels is 'grey'; give fixed-point or binary"),
        (TINY_YAML | {"layers": []}, r"layers is \[\]; give a list of 1 to 64"),
        (TINY_YAML | {"layers": [{"kind": "conv"}]}, "layer 0: field 'channels' is missing"),
        (
            TINY_YAML | {"layers": [{"kind": "conv", "channels": 6, "simd": 65, "pe": 2}]},
            "layer 0: simd is 65; give a whole number, 1 to 64",
        ),
        (
            TINY_YAML | {"size": [2, 8]},
            "layer 0: a 3x3 convolution of a map of 2x8",
        ),
        (TINY_YAML | {"size": [9, 2]}, "layer 0: a 3x3 convolution of a map of 9x2"),
        (TINY_YAML | {"size": [1000, 1000]}, "layer 2: its files have|too large"),
    ],
)
def test_wrong_layers_are_refused_by_the_field(tmp_path, layers_file, values, message):
    write_folder(tmp_path / "net", TINY)
    with pytest.raises(ConvertError, match=message):
        read(tmp_path / "net", layers_file(values))


def test_what_no_importer_knows_is_refused_with_what_they_know(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ConvertError, match="no importer knows this; known: a folder of BNN-PYNQ"):
        read(tmp_path / "file")
    with pytest.raises(ConvertError, match="does not exist"):
        read(tmp_path / "nothing")
    write_folder(tmp_path / "net", TINY)
    with pytest.raises(ConvertError, match="do not tell the layers; give cnv or lfc, or a YAML"):
        read(tmp_path / "net")
