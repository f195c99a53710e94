"""Write the tables of docs/packing-rules.md: spellings in torch, and operators that packing knows.

    python tools/make_operators.py

Each spelling is run and packed, so the tables say what `pack` does.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from signbit.errors import PackError
from signbit.format import Preprocessing
from signbit.layers import BinaryConv2d, BinaryLinear
from signbit.pack import pack
from signbit.pack._moves import MOVES
from signbit.pack._outputs import Run
from signbit.pack._record import record
from signbit.pack.rules import rules
from signbit.quantizers import create

PAGE = Path(__file__).resolve().parent.parent / "docs" / "packing-rules.md"
MARK = "<!-- {}: written by tools/make_operators.py -->"

# x is a map of 8 channels and 4x4 pixels.
SPELLINGS = """
x.view(len(x), -1)              x.reshape(x.size(0), -1)        torch.flatten(x, 1)
nn.Flatten()                    x.unsqueeze(1).squeeze(1)       x[:, :, 1:-1, ::2]
x.permute(0, 2, 3, 1)           x.transpose(1, 2)               x.chunk(2, 1)[1]
torch.cat([x, x], 1)            torch.stack([x, x], 1)
F.pad(x, (1, 1, 0, 2))          nn.ReflectionPad2d(1)           nn.ReplicationPad2d(1)
x.flip(1)                       x.roll(1, 2)                    x.repeat(1, 2, 1, 1)
nn.ChannelShuffle(2)            nn.PixelShuffle(2)              nn.PixelUnshuffle(2)
nn.Upsample(scale_factor=2)     F.unfold(x, 2)                  x[:, [3, 1]]
torch.where(x > 0, 1.0, -1.0)   (x >= 0.3).float()              torch.sign(x) + (x == 0)
(x > 0).float().mul(2).sub(1)   torch.heaviside(x, torch.zeros(1))
nn.BatchNorm2d(8)               F.batch_norm(x, torch.ones(8), torch.ones(8))
nn.ReLU()                       x.relu_()                       F.relu6(x)
nn.Hardtanh()                   x.clamp(-1, 1)                  torch.clip(x, max=1)
nn.LeakyReLU(0.1)               nn.PReLU(8)                     nn.ELU()
nn.Tanh()                       nn.Sigmoid()                    nn.Softplus()
nn.Hardsigmoid()                nn.LogSigmoid()                 torch.atan(x)
nn.GELU()                       nn.SiLU()                       nn.Mish()
nn.Hardswish()                  x.abs()                         x ** 2
x.exp()                         x.floor()                       x.round()
x + 0.5                         x - 0.5                         -x
x * 0.5                         x / 2                           1 - x
x / 3                           x.trunc()                       x % 2
torch.where(x > 0, x, x.exp() - 1)                              x.cumsum(1)
torch.lerp(x, x.relu(), 0.3)    x.logsumexp(1)
x.detach()                      x.clone()                       nn.Dropout(0.5)
x + x.relu()                    x + x.mean((2, 3), keepdim=True)
x * x.mean((2, 3), keepdim=True).sigmoid()                      torch.maximum(x, -x)
nn.MaxPool2d(2)                 F.max_pool2d(x, x.shape[-1])    nn.AdaptiveMaxPool2d(1)
nn.AvgPool2d(2)                 nn.AdaptiveAvgPool2d(1)         x.mean((2, 3))
nn.AdaptiveAvgPool2d(3)         F.interpolate(x, scale_factor=2, mode="bilinear")
x.sum(1)                        x.amax((2, 3))                  x.std(1)
nn.LayerNorm(4)                 nn.GroupNorm(2, 8)              nn.InstanceNorm2d(8)
nn.Softmax(1)                   nn.LogSoftmax(1)                F.normalize(x)
nn.Conv2d(8, 8, 3)              nn.ConvTranspose2d(8, 8, 2, 2)
nn.Sequential(nn.Flatten(), nn.Linear(128, 5))                  x.flatten(1) @ torch.ones(128, 5)
BinaryConv2d(8, 8, 3)           F.conv2d(x.sign(), torch.ones(8, 8, 3, 3))
"""


_NOTHING = nn.Identity()


class _Call(nn.Module):
    """A function of x, by its source."""

    def __init__(self, source: str):
        super().__init__()
        self.code = compile(source, source, "eval")

    def forward(self, x: Tensor) -> Any:
        return eval(self.code, {"torch": torch, "nn": nn, "F": F, "x": x})


def spellings() -> list[str]:
    """The spellings of the list, which are at least two blanks apart."""
    return [
        one.strip() for line in SPELLINGS.split("\n") for one in line.split("  ") if one.strip()
    ]


def _module(source: str) -> nn.Module:
    if source.startswith(("nn.", "Binary")):
        return eval(source, {"nn": nn, "BinaryConv2d": BinaryConv2d})
    return _Call(source)


def _operators(module: nn.Module) -> list[str]:
    """The ATen operators that take part, by name."""
    calls = record(Run(module.eval(), None), [torch.randn(2, 8, 4, 4)]).calls
    return [call.operator for call in calls]


@cache
def _nodes(module: nn.Module, sign: bool) -> Counter[str]:
    """How many of each packed operation a network has.  sign: whether a sign follows the module."""
    start = nn.Sequential(BinaryConv2d(1, 8, 1, input_quantizer=None), nn.BatchNorm2d(8))
    after = [create("ste_sign")] if sign else []
    middle = nn.Sequential(start, module, *after, nn.Flatten()).eval()
    width = middle(torch.zeros(2, 1, 4, 4)).shape[1]
    last = BinaryLinear(width, 3) if sign else nn.Linear(width, 3, bias=False)
    network = nn.Sequential(middle, last).eval()
    packed = pack(network, Preprocessing([1 / 128], [-1.0], (4, 4)), check=False)
    return Counter(node.op for node in packed.nodes)


def _becomes(module: nn.Module, sign: bool) -> str:
    """The packed operations that the module adds; none where the layers around it absorb it."""
    try:
        more = _nodes(module, sign) - _nodes(_NOTHING, sign)
    except PackError:
        return "refused"
    return _listed(more) or "nothing"


def _listed(names: Any) -> str:
    return ", ".join(f"`{name}`" for name in names)


def table_of_spellings() -> str:
    """The table of spellings: what is written, its operators, and what these become."""
    torch.manual_seed(0)
    rows: dict[tuple[str, str], tuple[list[str], list[str]]] = {}
    for source in spellings():
        module = _module(source)
        found = _becomes(module, sign=True), _becomes(module, sign=False)
        sources, operators = rows.setdefault(found, ([], []))
        sources.append(source)
        operators += _operators(module)
    return _table(
        ("in torch", "operators", "before a sign", "as real numbers"),
        [
            (_listed(sources), _listed(dict.fromkeys(operators)) or "none", *found)
            for found, (sources, operators) in rows.items()
        ],
    )


def table_of_operators() -> str:
    """Each topic of the rules, with its operators and what they compute."""
    topics: dict[str, list[tuple[str, str]]] = {}
    for name in rules.names():
        rule = rules.get(name)
        topics.setdefault(rule.__module__, []).append((name, (rule.__doc__ or "").split("\n")[0]))
    parts = []
    for module, found in sorted(topics.items()):
        title = (import_module(module).__doc__ or "").split("\n")[0].rstrip(".")
        rows = [(f"`{name}`", what) for name, what in sorted(found)]
        parts += [f"**{title}**\n", _table(("operator", "result"), rows)]
    return "\n".join([*parts, f"**Movements of numbers**\n\n{_listed(sorted(MOVES))}\n"])


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "".join(
        f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |\n" for row in lines
    )


TABLES: dict[str, Callable[[], str]] = {
    "spellings": table_of_spellings,
    "operators": table_of_operators,
}


def rewritten(page: str) -> str:
    """The page with new tables."""
    for name, table in TABLES.items():
        start, end = MARK.format(name), f"<!-- end of {name} -->"
        before, rest = page.split(start)
        page = f"{before}{start}\n\n{table()}\n{end}{rest.split(end)[1]}"
    return page


if __name__ == "__main__":
    PAGE.write_text(rewritten(PAGE.read_text("utf-8")), "utf-8")
