import json

import pytest
from helpers.tasks import rows_of_numbers

from signbit.bench import bench
from signbit.bench.peers import peers
from signbit.format import PackedModel, Preprocessing
from signbit.models import create
from signbit.pack import pack
from signbit.runtime.engine import available_isas


@pytest.fixture(scope="module")
def model() -> PackedModel:
    network = create("digits_binary", width=8).eval()
    return pack(network, Preprocessing([1 / 128], [-1.0], (8, 8)))


@pytest.fixture(params=available_isas())
def isa(request) -> str:
    return request.param


def test_every_step_and_batch_is_measured(model, isa):
    done = []
    result = bench(model, 2, batches=(1, 3), rounds=2, isa=isa, advance=done.append)
    assert done == [1, 1]
    assert (result.isa, result.threads) == (isa, 2)
    assert set(result.seconds) == {1, 3}
    assert set(result.peers) == set(peers.names())
    assert not result.missing
    times = [result.seconds, *result.peers.values()]
    assert min(seconds for each in times for seconds in each.values()) > 0
    # 8 of 1 and 16 of 8 channels on 8x8 maps, 16 of 16 on 4x4, 10 of 64 numbers.
    assert result.macs == 9 * (64 * 8 + 64 * 8 * 16 + 16 * 16 * 16) + 10 * 64
    assert sum(step.share for step in result.steps) == pytest.approx(1)
    assert (result.limit is None) == (isa == "scalar")


def test_the_command_prints_tables_and_writes_json(signbit, model, tmp_path):
    model.save(tmp_path / "m.signbit")
    out, _ = signbit("bench", tmp_path / "m.signbit", "--rounds", 2, "--json", tmp_path / "b.json")
    assert "times as long" in out
    result = json.loads((tmp_path / "b.json").read_text())
    assert result["rounds"] == 2
    assert {step["op"] for step in result["steps"]} >= {"conv_u8", "conv_bits", "max_pool"}


def test_without_peers_the_engine_stands_alone(signbit, model, tmp_path):
    model.save(tmp_path / "m.signbit")
    out, _ = signbit("bench", tmp_path / "m.signbit", "--rounds", 1, "--no-peers")
    assert "float32" not in out
    assert "not measured" not in out
    assert "ms an image" in out
    assert "images/s" in out


def test_a_network_without_pictures_is_measured_by_samples(signbit, tmp_path):
    rows_of_numbers().save(tmp_path / "m.signbit")
    out, _ = signbit("bench", tmp_path / "m.signbit", "--rounds", 1, "--no-peers")
    assert "ms a sample" in out
    assert "samples/s" in out
    assert "image" not in out
