"""Tables about the networks: the registered architectures, and the trained ones of the zoo."""

import inspect
from collections.abc import Iterator
from typing import Any

import torch

from signbit import zoo
from signbit.format import PackedModel
from signbit.models import COUNTS, create, models, summarize
from tools.tables import code, markdown_table, tables, with_links
from tools.tables._docstring import field

_IMAGENET = {"stem": "imagenet", "input_size": (224, 224), "num_classes": 1000}
_WORDS = {
    "bit_parameters": "1-bit parameters",
    "real_parameters": "32-bit parameters",
    "binary_macs": "binary MACs",
    "real_macs": "real MACs",
    "packed_bytes": "packed bytes",
}


@tables.register("models")
def table_of_models() -> str:
    """Each architecture with its counts; one that has a stem for ImageNet also with that."""
    rows = [
        (
            code(name) + (", imagenet" if options else ""),
            "x".join(map(str, (*shape[1:], shape[0]))),
            *(f"{totals[count]:,}" for count in COUNTS),
            with_links(field(models.get(name), "Source").removesuffix(".") or "this project"),
        )
        for name, options in _variants()
        for shape, totals in [_summary(name, options)]
    ]
    return markdown_table(("model", "image", *(_WORDS[count] for count in COUNTS), "source"), rows)


def _variants() -> Iterator[tuple[str, dict[str, Any]]]:
    for name in models.names():
        yield name, {}
        if "stem" in inspect.signature(models.get(name)).parameters:
            yield name, _IMAGENET


def _summary(name: str, options: dict[str, Any]) -> tuple[tuple[int, ...], dict[str, int]]:
    """The shape of an image, channels first, and the totals."""
    given = {
        key: one.default for key, one in inspect.signature(models.get(name)).parameters.items()
    }
    given |= options
    shape = (given["in_channels"], *given["input_size"])
    with torch.device("meta"):
        model = create(name, **options)
    return shape, dict(summarize(model, shape).totals)


@tables.register("zoo-bytes")
def table_of_bytes() -> str:
    """What the parameters of each network of the zoo count, and what its file takes."""
    rows = []
    for name in zoo.names():
        card, content = zoo.card(name), zoo.read(name)
        options = dict(card.model["options"])
        _, totals = _summary(card.model["name"], options)
        nodes = PackedModel.load(content).nodes
        tensors = sum(tensor.nbytes for node in nodes for tensor in node.tensors.values())
        figures = (totals["packed_bytes"], tensors, len(content) - tensors, len(content))
        rows.append((code(name), *(f"{figure:,}" for figure in figures)))
    return markdown_table(
        ("network", "packed bytes", "tensors of the file", "header of the file", "file"), rows
    )
