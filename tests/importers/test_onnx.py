"""Networks in ONNX files: those of Brevitas and FINN against qonnx, our own against themselves."""

from pathlib import Path

import numpy as np
import pytest
from helpers import signatures
from helpers.networks import NAMES, packed
from helpers.onnx_files import finn_style, in_qonnx, saved
from helpers.operations import NAMES as SMALL
from helpers.operations import small
from helpers.random_networks import odd, random_network

from signbit.convert import read
from signbit.export import export, make_request
from signbit.format import PackedModel, Preprocessing
from signbit.runtime.engine import Engine
from signbit.runtime.samples import random_inputs

DATA = Path(__file__).parent / "data" / "qonnx"
ZOO = Path(__file__).resolve().parents[3] / "shared" / "data" / "qonnx" / "TFC_1W1A.onnx"
# An average over padding becomes a quotient, a mean a sum, and their last bits differ.
ROUNDED = {"pooled_reals", "reductions"}
# Sums in float64, and a sign with three values.
REFUSED = {"wide_sums", "functions"}


def images(height: int, width: int, channels: int) -> np.ndarray:
    """Noise, flat images, strokes like those of digits, and a ramp."""
    rng = np.random.default_rng(1)
    noise = rng.integers(0, 256, (12, height, width, channels))
    strokes = (rng.random((8, height, width, channels)) < 0.2) * rng.integers(1, 256)
    flat = np.broadcast_to(np.array([0, 127, 128, 255])[:, None, None, None], (4, *noise.shape[1:]))
    ramp = np.arange(noise[0].size).reshape(1, *noise.shape[1:]) % 256
    return np.concatenate([noise, strokes, flat, ramp]).astype(np.uint8)


def assert_like_qonnx(path: Path, height: int, width: int, channels: int) -> PackedModel:
    import onnx

    pixels = images(height, width, channels)
    scale, bias = [1 / 255] * channels, [0.0] * channels
    network = read(path, preprocessing=Preprocessing(scale, bias, (height, width)))
    real = pixels.astype(np.float32) * np.float32(1 / 255)
    wanted = in_qonnx(onnx.load(path), np.ascontiguousarray(real.transpose(0, 3, 1, 2)))
    np.testing.assert_array_equal(Engine(network).scores(pixels), wanted)
    assert len(np.unique(wanted, axis=0)) > 8
    return network


def test_scores_of_the_network_of_the_zoo_are_those_of_qonnx():
    if not ZOO.exists():
        pytest.skip(f"needs {ZOO.name}, which is not part of this project")
    network = assert_like_qonnx(ZOO, 28, 28, 1)
    assert network.info["exact"]
    assert network.info["producer"] == "pytorch 1.7"
    kinds = [node.op for node in network.nodes if node.op.startswith("conv")]
    assert kinds == ["conv_bits"] * 4


@pytest.mark.parametrize(
    ("name", "size"),
    [
        ("brevitas_tfc", (28, 28, 1)),
        ("brevitas_lfc", (28, 28, 1)),
        ("brevitas_cnv", (32, 32, 3)),
    ],
)
def test_scores_of_networks_of_brevitas_are_those_of_qonnx(name, size):
    network = assert_like_qonnx(DATA / f"{name}.onnx", *size)
    real = [node.op for node in network.nodes if node.op in ("conv_f32", "conv_u8")]
    assert not real


def test_thresholds_of_finn_on_annotated_pixels(tmp_path):
    proto = finn_style()
    network = read(saved(proto, tmp_path))
    assert str(network.inputs[0]) == "x (u8, 6, 6, 1)"
    pixels = images(6, 6, 1)
    wanted = in_qonnx(proto, pixels.transpose(0, 3, 1, 2).astype(np.float32))
    (found,) = Engine(network).run({"x": pixels}).values()
    np.testing.assert_array_equal(found, wanted)
    assert network.info["exact"]


def test_convolutions_that_qonnx_turned_into_products_of_matrices(tmp_path):
    from qonnx.core.modelwrapper import ModelWrapper
    from qonnx.transformation.fold_constants import FoldConstants
    from qonnx.transformation.infer_datatypes import InferDataTypes
    from qonnx.transformation.infer_shapes import InferShapes
    from qonnx.transformation.lower_convs_to_matmul import LowerConvsToMatMul

    wrapper = ModelWrapper(str(DATA / "brevitas_cnv.onnx"))
    for step in (
        *(InferShapes(), FoldConstants(exclude_op_types=[]), InferShapes(), InferDataTypes()),
        *(LowerConvsToMatMul(), InferShapes(), InferDataTypes()),
    ):
        wrapper = wrapper.transform(step)
    assert [node.op_type for node in wrapper.graph.node].count("Im2Col") == 6
    wrapper.save(str(tmp_path / "net.onnx"))
    network = assert_like_qonnx(tmp_path / "net.onnx", 32, 32, 3)
    assert [node.op for node in network.nodes].count("conv_bits") == 8


def own(name: str) -> PackedModel:
    if name in signatures.NAMES:
        return signatures.network(name)
    return packed(name) if name in NAMES else small(name)


def there_and_back(network: PackedModel, to: str, folder: Path) -> PackedModel:
    export(make_request(network, "net"), to, folder / "out")
    return read(folder / "out" / "net.onnx")


def assert_same(one: PackedModel, other: PackedModel, exact: bool = True) -> None:
    """The same outputs. Bits may be +1 and -1, and in qonnx a sequence is a map of height 1."""
    given = random_inputs(one, 30)
    wanted = Engine(one).run(given)
    shaped = {
        new.name: given[old.name].reshape(-1, *new.shape)
        for old, new in zip(one.inputs, other.inputs, strict=True)
    }
    found = Engine(other).run(shaped)
    assert list(found) == list(wanted)
    for name, array in wanted.items():
        numbers = np.where(array, 1.0, -1.0) if array.dtype == bool else array
        numbers = numbers.reshape(found[name].shape)
        if exact:
            np.testing.assert_array_equal(found[name], numbers)
        else:
            np.testing.assert_allclose(found[name], numbers, 1e-5, 1e-5)


@pytest.mark.parametrize("to", ["onnx", "qonnx"])
@pytest.mark.parametrize("name", [one for one in (*NAMES, *SMALL) if one not in REFUSED])
def test_our_own_networks_come_back_with_the_same_scores(tmp_path, name, to):
    network = own(name)
    back = there_and_back(network, to, tmp_path)
    assert back.signature.is_of_images
    assert back.preprocessing == network.preprocessing
    assert_same(network, back, name not in ROUNDED)


@pytest.mark.parametrize("name", NAMES)
def test_networks_of_layers_come_back_with_the_same_operations(tmp_path, name):
    back = there_and_back(own(name), "onnx", tmp_path)
    assert [node.op for node in back.nodes] == [node.op for node in own(name).nodes]


@pytest.mark.parametrize("to", ["onnx", "qonnx"])
@pytest.mark.parametrize("name", signatures.NAMES)
def test_inputs_and_outputs_come_back(tmp_path, name, to):
    network = own(name)
    back = there_and_back(network, to, tmp_path)
    assert_same(network, back)
    for one, other in zip(network.inputs, back.inputs, strict=True):
        # A file of qonnx does not say that a map of height 1 was a sequence.
        shape = one.shape if to == "onnx" else other.shape
        assert {**one.to_dict(), "shape": list(shape)} == other.to_dict()
    for one, other in zip(network.outputs, back.outputs, strict=True):
        assert (one.name, one.kind, one.names) == (other.name, other.kind, other.names)


@pytest.mark.parametrize("to", ["onnx", "qonnx"])
def test_random_networks_come_back_with_the_same_scores(tmp_path, to):
    for seed in range(20):
        network = random_network(np.random.default_rng(seed))
        assert_same(network, there_and_back(network, to, tmp_path / str(seed)))
    assert_same(odd(), there_and_back(odd(), to, tmp_path / "odd"))


def test_weights_of_eight_bits_come_back(tmp_path):
    network = own("vgg_cut")
    export(make_request(network, "net"), "onnx", tmp_path / "out", options={"int8_weights": True})
    assert_same(network, read(tmp_path / "out" / "net.onnx"))
