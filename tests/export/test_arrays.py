"""What formats that hold arrays say of a network, read back by NumPy, SciPy and Python."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from helpers.exported_arrays import READERS, read
from helpers.networks import packed
from numpy.typing import NDArray

from signbit.errors import ExportError
from signbit.export import ExportRequest, export, exporters, make_request
from signbit.format import Input, Node, Output, PackedModel, Signature

Array = NDArray[Any]
NETWORKS = ("digits", "paddings", "shortcut", "real_ends")


def bits_of(words: Array, channels: int) -> Array:
    """Bit c % 64 of word c // 64, one by one."""
    shifts = np.arange(channels, dtype=np.uint64) % np.uint64(64)
    return (words[..., np.arange(channels) // 64] >> shifts) & np.uint64(1)


def assert_tensors_are_the_networks(found: Mapping[str, Array], request: ExportRequest) -> None:
    for number, node in enumerate(request.model.nodes, 1):
        channels = request.model.types[node.inputs[0]].channels
        for name, tensor in node.tensors.items():
            array = found[f"n{number:02d}_{name}"]
            if tensor.dtype == np.uint64:
                np.testing.assert_array_equal(found[f"n{number:02d}_{name}_words"], tensor)
                bits = bits_of(tensor, channels // node.attributes.get("groups", 1))
                tensor = bits * 2.0 - 1 if name == "weight" else bits
            else:
                assert array.dtype == tensor.dtype
            if name == "weight":
                out, height, width, fan = tensor.shape
                assert array.shape == (out, fan, height, width)
                tensor = tensor.transpose(0, 3, 1, 2)
            np.testing.assert_array_equal(array, tensor)


def assert_golden_values_are_the_networks(
    found: Mapping[str, Array], request: ExportRequest
) -> None:
    golden = request.golden
    np.testing.assert_array_equal(found["golden_pixels"], golden.inputs["pixels"])
    np.testing.assert_array_equal(found["golden_scores"], golden.outputs["scores"])
    for number in range(1, len(golden.values)):
        value = golden.values[number]
        wanted = value * 2.0 - 1 if value.dtype == bool else value
        np.testing.assert_array_equal(found[f"golden_n{number:02d}"], wanted)


@pytest.mark.parametrize("single", [False, True])
@pytest.mark.parametrize("network", NETWORKS)
@pytest.mark.parametrize("to", sorted(READERS))
def test_every_array_is_that_of_the_packed_network(tmp_path, to, network, single):
    request = make_request(packed(network), network)
    manifest = export(request, to, tmp_path / "out", options={"single": single})
    found = read(tmp_path / "out", to)
    assert_tensors_are_the_networks(found, request)
    assert_golden_values_are_the_networks(found, request)
    preprocessing = request.model.preprocessing
    assert found["pixels_scale"].tolist() == list(preprocessing.scale)
    assert found["pixels_bias"].tolist() == list(preprocessing.bias)
    assert single == (len({entry["file"] for entry in manifest["arrays"]}) == 1)
    assert "64-bit" in manifest["array_conventions"]["words"]


def test_there_are_arrays_of_every_type(tmp_path):
    """Bits, words, sums and real numbers, or the test above would look at less than it says."""
    kinds = set()
    for network in NETWORKS:
        manifest = export(make_request(packed(network), network), "npz", tmp_path / network)
        kinds |= {entry["dtype"] for entry in manifest["arrays"]}
    assert kinds == {"int8", "uint8", "uint64", "int32", "float32", "float64"}


@pytest.mark.parametrize("to", sorted(READERS))
def test_state_arrays_are_read_back(tmp_path, parameters, to):
    from signbit.export import export_state

    manifest = export_state(parameters, to, tmp_path / "out")
    for entry in manifest["arrays"]:
        source = (parameters.binary if entry["binary"] else parameters.arrays)[entry["key"]]
        (found,) = READERS[to](tmp_path / "out" / entry["file"], [entry["key"]]).values()
        assert found.dtype == source.dtype
        assert found.reshape(entry["shape"]).tobytes() == source.tobytes(), entry["key"]


@pytest.mark.parametrize("to", sorted(READERS))
def test_two_arrays_of_one_key_are_refused(tmp_path, to):
    nodes = [Node("normalize", (0,), {}, {"scale": np.ones(2, "f4"), "bias": np.ones(2, "f4")})]
    ends = [Input.fixed_point("golden", (2,), 1.0)], [Output("scale", "numbers", 1)]
    request = make_request(PackedModel(nodes, Signature(*ends)), "net")
    with pytest.raises(
        ExportError, match=r"key 'golden_scale': an array of input 'golden'.*'scale'"
    ):
        export(request, to, tmp_path / "out")
    assert not list(tmp_path.iterdir())


def test_these_are_all_formats_that_hold_arrays():
    from signbit.export import ArrayFormat

    names = [name for name in exporters.names() if isinstance(exporters.get(name), ArrayFormat)]
    assert names == sorted(READERS)
