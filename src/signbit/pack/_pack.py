"""Fold and pack a network."""

from collections.abc import Mapping, Sequence
from typing import Any

from torch import Tensor, nn

from signbit.errors import PackError
from signbit.format import Input, PackedModel, Preprocessing
from signbit.pack._asked import Asked, asked, require_scores
from signbit.pack._check import Checked, compare, is_equal, require_equal, require_steady
from signbit.pack._draft import Conv, Given, Pointwise, RealStep, Step, in_order
from signbit.pack._fold import Folding
from signbit.pack._lower import Lowering
from signbit.pack._network import Network
from signbit.pack._outputs import OutputSpec, Run
from signbit.pack._pixels import pixel_code
from signbit.pack._read import read
from signbit.pack._record import Recording, record
from signbit.pack._report import describe, notes_on
from signbit.pack._same import difference
from signbit.pack._samples import made_up_samples, to_tensor
from signbit.pack._unwrap import unchanged, unwrapped
from signbit.pack._watcher import compiler_is_loaded
from signbit.passes.absorb_flips import Absorbed, absorbed
from signbit.runtime.samples import Samples, checked_inputs

_PROBABILITIES = ("softmax", "log_softmax")


def pack(
    model: nn.Module,
    preprocessing: Preprocessing | None = None,
    *,
    inputs: Sequence[Input] | None = None,
    outputs: Sequence[OutputSpec] | None = None,
    check: bool = True,
    samples: Samples | None = None,
    info: Mapping[str, Any] | None = None,
) -> PackedModel:
    """Turn a network in eval mode into bits, integer thresholds, and parts that stay real.

    The network is run, and the operators that torch runs are packed. Bits are found by their
    values, not by the classes of layers. Each threshold is found by running torch's own operators,
    so a network of integers gives exactly the bits that torch gives on this CPU. In the result,
    `info["modules"]` says what became of each module, `info["check"]` has the results of the
    self-check, and `info["notes"]` has notes for the user. docs/packing-rules.md explains them.

    preprocessing: for a network with one input of pixels: how pixels become its input. It is short
        for `inputs` with one `Input.pixels`.
    inputs: one for each argument of the network, in their order. For each, torch gets a float32
        tensor of shape (N, C), (N, C, L) or (N, C, H, W). It holds scale * code + bias for an input
        of u8, the numbers themselves for f32, and -1 or +1 for bits.
    outputs: the kind of each value that the network returns. The default is one row of class
        scores.
    check: run torch and the packed network on made-up samples and on `samples`, and refuse where
        they differ.
    samples: an array (N, *shape of the input), channels last, or a dict of arrays by the names of
        inputs, as the engine accepts them.
    info: more entries for the `info` of the file.

    Raises: PackError, which names the module and line that cannot be packed and the reason, or says
        what differs in the self-check. UsageError for arguments that do not go together.
    """
    wanted = asked(model, preprocessing, inputs, outputs)
    model, notes = unwrapped(model)
    with unchanged(model):
        run = Run(model, outputs)
        return _packed(run, wanted, check, samples, {**(info or {}), "notes": notes})


def _packed(
    run: Run, wanted: Asked, check: bool, samples: Samples | None, info: Mapping[str, Any]
) -> PackedModel:
    recording, differs = _recorded(run, wanted.inputs)
    folding = Folding()
    network, values = read(recording, wanted.inputs, folding)
    # Where a rule refuses as well, `read` has raised its error before: it is more helpful.
    if differs is not None:
        raise differs
    last = wanted.steps(values, recording.place)
    lowering = Lowering(folding.where_shown(_real_values(last, folding)), len(wanted.inputs))
    signature = wanted.signature(lowering.outputs(last), values)
    nodes = [one.node for one in lowering.made]
    kept = absorbed(PackedModel(nodes, signature))
    require_scores(kept.model)
    packed, place = kept.model, kept.place
    origins = {
        place[number]: one.origin
        for number, one in enumerate(lowering.made, lowering.inputs)
        if number not in kept.negated
    }
    exact = _is_exact(lowering, packed)
    facts: dict[str, Any] = {
        **{key: value for key, value in info.items() if key != "check"},
        "modules": describe(run.model, packed, origins, lowering.reasons, _paths(last)),
        "exact": exact,
        "notes": [*info["notes"], *notes_on(packed)],
    }
    if check:
        checked = _checked(lowering, kept, network)
        arrays = None if samples is None else checked_inputs(packed, samples)
        result = compare(run, packed, checked, wanted.inputs, arrays, exact)
        if not is_equal(result, exact):
            require_steady(run, wanted.inputs)
        require_equal(result, exact)
        facts["check"] = result.to_dict()
    return PackedModel(packed.nodes, packed.signature, facts)


def _recorded(run: Run, inputs: Sequence[Input]) -> tuple[Recording, PackError | None]:
    """Record a batch of two; also returns an error where another batch runs something else."""
    made_up = list(zip(inputs, made_up_samples(inputs, seed=1), strict=True))
    one, other = (
        [to_tensor(each, array[start : start + 2]) for each, array in made_up] for start in (0, 2)
    )
    first = _first(run, one)
    second = record(run, other, first)
    differs = difference(second, first)
    if differs is not None:
        # The first run may create things that later runs find, if they do not depend on its images.
        first, second = second, record(run, one, first, second)
        differs = difference(second, first)
    return second, differs


def _first(run: Run, examples: Sequence[Tensor]) -> Recording:
    """Record a run. Where it loads torch's compiler, that disturbs it, and the next one counts."""
    loaded = compiler_is_loaded()
    try:
        recording = record(run, examples)
    except PackError:
        if compiler_is_loaded() == loaded:
            raise
    else:
        if compiler_is_loaded() == loaded:
            return recording
    return record(run, examples)


def _real_values(last: Sequence[Step], folding: Folding) -> frozenset[Step]:
    """Steps that are needed as real numbers, such as those where a shortcut begins."""
    found = [
        source
        for step in in_order(*last)
        if isinstance(step, RealStep) or (isinstance(step, Conv) and not step.on_bits)
        for source in step.sources
    ]
    return frozenset(
        step
        for step in (*found, *last)
        if not isinstance(step, Given) and folding.levels(step) is None
    )


def _paths(last: Sequence[Step]) -> frozenset[str]:
    """The modules whose operators took part in the outputs."""
    return frozenset(step.place.path for step in in_order(*last))


def _is_exact(lowering: Lowering, packed: PackedModel) -> bool:
    """Whether every bit comes from integers, in torch as well."""
    codes = [pixel_code(one) for one in packed.inputs]
    sums_codes = any(node.op == "conv_u8" for node in packed.nodes)
    if sums_codes and any(code is not None and not code.exact for code in codes):
        return False
    if not lowering.is_exact:
        return False
    # Probabilities at the end have the order of the scores, whatever their last bits are.
    ends = {one.node for one in packed.outputs}
    return not any(
        packed.operation(number).last_bits_vary(node)
        for number, node in packed.numbered()
        if number not in ends or packed.readers(number) or node.op not in _PROBABILITIES
    )


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
