"""Two processes that each see half of a batch agree with one process that sees it all."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

# Run twice over gloo; each process takes its half of the batch and saves its gradients.
WORKER = """
import sys
import torch
import torch.distributed as dist
from safetensors.torch import save_file
from torch.nn.parallel import DistributedDataParallel

{network}

rank, folder = int(sys.argv[1]), sys.argv[2]
dist.init_process_group("gloo", init_method=f"file://{{folder}}/meet", rank=rank, world_size=2)
network, x, labels = build()
if rank == 1:  # DDP must bring these to the values of rank 0
    for parameter in network.parameters():
        torch.nn.init.zeros_(parameter)
parallel = DistributedDataParallel(network)
step(parallel, x[rank::2], labels[rank::2])
gradients = {{name: p.grad for name, p in network.named_parameters()}}
save_file(gradients, f"{{folder}}/rank{{rank}}.safetensors")
dist.destroy_process_group()
"""

NETWORK = """
import torch
from torch import nn
from signbit.layers import BinaryConv2d, BinaryLinear

def build():
    torch.manual_seed(11)
    network = nn.Sequential(
        BinaryConv2d(1, 4, 3, padding=1, input_quantizer=None),
        nn.Hardtanh(),
        BinaryConv2d(4, 4, 3, input_quantizer="approx_sign"),
        nn.Flatten(),
        BinaryLinear(64, 3, input_quantizer="swish_sign"),
    )
    return network, torch.randn(8, 1, 6, 6), torch.arange(8) % 3

def step(network, x, labels):
    nn.functional.cross_entropy(network(x), labels).backward()
"""


@pytest.mark.skipif(not torch.distributed.is_gloo_available(), reason="torch is built without gloo")
def test_two_processes_agree_with_one_on_the_gradients(tmp_path):
    script = tmp_path / "worker.py"
    script.write_text(WORKER.format(network=NETWORK))
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    workers = [
        subprocess.Popen(
            [sys.executable, script, str(rank), tmp_path],
            env=environment,
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in range(2)
    ]
    for worker in workers:
        _, notes = worker.communicate(timeout=120)
        assert worker.returncode == 0, notes
    assert_same_gradients(tmp_path)


def assert_same_gradients(folder: Path) -> None:
    """Both ranks hold the same gradients, and those are the whole batch's."""
    namespace: dict = {}
    exec(NETWORK, namespace)
    network, x, labels = namespace["build"]()
    namespace["step"](network, x, labels)
    ranks = [load_file(folder / f"rank{rank}.safetensors") for rank in range(2)]
    for name, parameter in network.named_parameters():
        assert torch.equal(ranks[0][name], ranks[1][name])
        assert parameter.grad.count_nonzero() > 0
        torch.testing.assert_close(ranks[0][name], parameter.grad)
