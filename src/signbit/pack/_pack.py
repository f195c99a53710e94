"""Fold and pack a network."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from signbit.errors import PackError
from signbit.format import PackedModel, Preprocessing
from signbit.format.ops import operations
from signbit.pack._check import Checked, compare, is_equal, require_equal, require_steady
from signbit.pack._draft import Conv, Pixels, Pointwise, RealStep, Step, in_order
from signbit.pack._fold import Folding
from signbit.pack._images import made_up_images, to_batch
from signbit.pack._layout import Placed, as_map
from signbit.pack._lower import Lowering
from signbit.pack._network import Network
from signbit.pack._read import read
from signbit.pack._record import Recording, record
from signbit.pack._report import describe, notes_on
from signbit.pack._same import difference
from signbit.pack._unwrap import unchanged, unwrapped
from signbit.pack._watcher import compiler_is_loaded
from signbit.passes.absorb_flips import Absorbed, absorbed

_PROBABILITIES = ("softmax", "log_softmax")


def pack(
    model: nn.Module,
    preprocessing: Preprocessing,
    *,
    check: bool = True,
    samples: NDArray[np.uint8] | None = None,
    info: Mapping[str, Any] | None = None,
) -> PackedModel:
    """Turn a network in eval mode into bits, integer thresholds, and parts that stay real.

    The network is run, and the operators that torch runs are packed. Bits are found by their
    values, not by the classes of layers. Each threshold is found by running torch's own operators,
    so a network of integers gives exactly the bits that torch gives on this CPU. In the result,
    `info["modules"]` says what became of each module, `info["check"]` has the results of the
    self-check, and `info["notes"]` has notes for the user. docs/packing.md explains them.

    check: run torch and the packed network on made-up images and on `samples`, (N, H, W, C)
        uint8, and refuse where they differ.
    info: more entries for the `info` of the file.

    Raises: PackError naming the module and line that cannot be packed, and why; or what differs.
    """
    model, notes = unwrapped(model)
    with unchanged(model):
        return _packed(model, preprocessing, check, samples, {**(info or {}), "notes": notes})


def _packed(
    model: nn.Module,
    preprocessing: Preprocessing,
    check: bool,
    samples: NDArray[np.uint8] | None,
    info: Mapping[str, Any],
) -> PackedModel:
    rank = _rank(model, preprocessing)
    recording, differs = _recorded(model, preprocessing, rank)
    folding = Folding(preprocessing)
    network, output = read(recording, folding)
    # The reason of a rule is more helpful.
    if differs is not None:
        raise differs
    last = _one_row(output, recording)
    lowering = Lowering(folding.where_shown(_real_values(last, folding)))
    lowering.output(last)
    nodes = [one.node for one in lowering.made]
    kept = absorbed(PackedModel(nodes, preprocessing))
    origins = [
        one.origin for index, one in enumerate(lowering.made, 1) if index not in kept.negated
    ]
    exact = _is_exact(lowering)
    packed = PackedModel(kept.model.nodes, preprocessing)
    facts: dict[str, Any] = {
        **{key: value for key, value in info.items() if key != "check"},
        "modules": describe(model, packed, origins, lowering.reasons, _paths(last)),
        "exact": exact,
        "notes": [*info["notes"], *notes_on(packed)],
    }
    if check:
        checked = _checked(lowering, kept, network)
        result = compare(model, packed, checked, rank, samples, exact)
        if not is_equal(result, exact):
            require_steady(model, preprocessing, rank)
        require_equal(result, exact)
        facts["check"] = result.to_dict()
    return PackedModel(kept.model.nodes, preprocessing, facts)


def _rank(model: nn.Module, preprocessing: Preprocessing) -> int:
    """The rank of the network's input. Images of one row may be sequences, (N, C, L)."""
    kinds = [type(module) for module in model.modules()]
    sequence = any(issubclass(kind, nn.Conv1d) for kind in kinds)
    return 3 if sequence and preprocessing.size[0] == 1 else 4


def _recorded(
    model: nn.Module, preprocessing: Preprocessing, rank: int
) -> tuple[Recording, PackError | None]:
    """What the network runs for a batch of images, and where it runs another thing for others."""
    images = made_up_images(preprocessing, seed=1)
    batches = [to_batch(images[start : start + 2], preprocessing, rank) for start in (0, 2)]
    first = _first(model, batches[0])
    second = record(model, batches[1].clone(), first)
    differs = difference(second, first)
    if differs is not None:
        # The first run may make what later ones find, as long as it is not made of its images.
        first, second = second, record(model, batches[0].clone(), first, second)
        differs = difference(second, first)
    return second, differs


def _first(model: nn.Module, images: Tensor) -> Recording:
    """Where the network loads torch's compiler, that disturbs the run, and the next one counts."""
    loaded = compiler_is_loaded()
    try:
        recording = record(model, images.clone())
    except PackError:
        if compiler_is_loaded() == loaded:
            raise
    else:
        if compiler_is_loaded() == loaded:
            return recording
    return record(model, images.clone())


def _one_row(output: Placed, recording: Recording) -> Step:
    """The scores as one row. Raises: PackError where there is not one score per class."""
    shape = tuple(side for side in output.shape if side != 1) or (1,)
    if len(shape) != 1 or output.shape[:1] != shape:
        raise PackError(
            f"the network gives values of shape {output.shape} for an image; give one row of scores"
        )
    return as_map(output, recording.input.call.place, shape)


def _real_values(last: Step, folding: Folding) -> frozenset[Step]:
    """Steps that are needed as real numbers, such as those where a shortcut begins."""
    found = [
        source
        for step in in_order(last)
        if isinstance(step, RealStep) or (isinstance(step, Conv) and not step.on_bits)
        for source in step.sources
    ]
    return frozenset(
        step for step in found if not isinstance(step, Pixels) and folding.levels(step) is None
    )


def _paths(last: Step) -> frozenset[str]:
    """The modules whose operators took part in the scores."""
    return frozenset(step.place.path for step in in_order(last))


def _is_exact(lowering: Lowering) -> bool:
    """Whether every bit comes from integers, in torch as well."""
    nodes = [one.node for one in lowering.made]
    code = lowering.folding.code
    pixels_exact = code is not None and code.exact
    if not pixels_exact and any(node.op == "conv_u8" for node in nodes):
        return False
    if not lowering.is_exact:
        return False
    # Probabilities at the end are in the order of the scores, whatever their last bits are.
    decisive = nodes[:-1] if nodes[-1].op in _PROBABILITIES else nodes
    return not any(operations.get(node.op).last_bits_vary(node) for node in decisive)


def _checked(lowering: Lowering, kept: Absorbed, network: Network) -> Sequence[Checked]:
    found = []
    for step, node in lowering.bits.items():
        if not isinstance(step, Pointwise) or step.result is None:
            continue
        levels, placed = lowering.folding.levels(step), network.placed(step.result)
        if levels is not None and placed is not None:
            place = kept.place[node], kept.negated.get(node)
            found.append(Checked(step.result, *place, placed, levels))
    return found
