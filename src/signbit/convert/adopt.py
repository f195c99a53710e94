"""Replace modules of foreign code by layers of this package that compute the same."""

from collections.abc import Iterable
from fnmatch import fnmatchcase
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from signbit.convert._box import Box
from signbit.convert._build import build
from signbit.convert._calls import Inputs, inputs_of
from signbit.convert._compare import compare
from signbit.convert._copies import deep_copy, replaced
from signbit.convert._find import Candidate, sign_candidates, weight_candidates
from signbit.convert._forms import forms_of
from signbit.convert._found import Found, UnexplainedError
from signbit.convert._identify import identify
from signbit.convert._probes import Draw
from signbit.convert._report import Change, Report
from signbit.convert._rules import SIGNS, ZERO_RULES, share
from signbit.errors import AdoptError, UsageError

# A search holds about 80 bytes for each number of a weight, so 5 GiB for the largest.
_MOST_NUMBERS = 1 << 26
_CALLS = 2
_ROWS = 2
Outcome = tuple[nn.Module | None, Change]


def adopt(
    model: nn.Module, example: Tensor | tuple[Any, ...], keep: Iterable[str] = ()
) -> tuple[nn.Module, Report]:
    """A copy of `model` in which foreign binary layers are layers of this package.

    Use it for code that `pack` cannot follow, such as code that writes `.data` in forward. Each
    foreign module around one convolution or linear weight runs, in eval mode and as a copy, with
    inputs and weights for which different rules give different outputs. The layer that replaces it
    follows the rule that explains every output up to rounding. A module that binarizes by no known
    rule is refused. A module without parameters that is a sign function becomes a quantizer.
    Finally both networks run on several inputs and are compared.

    model: stays unchanged.
    example: an input of the network, or a tuple of all inputs. It says which sizes each module
        reads.
    keep: paths, or patterns such as "head.*", of modules that stay unchanged.

    A search for the rule needs about 80 bytes of memory for each number of a weight. A layer with
    more than 2^26 numbers is refused.

    Returns: the copy, in the mode of `model`, and a report, which prints as a table.
    Raises: AdoptError naming the module, the nearest rule and its difference, or the input on
        which the networks differ; UsageError where a pattern of `keep` matches nothing, or the
        network is not on the CPU.
    """
    inputs = example if isinstance(example, tuple) else (example,)
    if any(tensor.device.type != "cpu" for tensor in [*model.parameters(), *model.buffers()]):
        raise UsageError("the network is not on the CPU; call cpu() on it first")
    original, keep = deep_copy(model), tuple(keep)
    _check_keep(original, keep)
    # A new layer draws random weights, which are then replaced.
    with torch.random.fork_rng(devices=[]):
        adopted, changes = _adopt_modules(original, inputs, keep)
        compared = compare(original, adopted, inputs) if changes else []
    return adopted.train(model.training), Report(tuple(changes), tuple(compared))


def _adopt_modules(
    original: nn.Module, inputs: tuple[Any, ...], keep: tuple[str, ...]
) -> tuple[nn.Module, list[Change]]:
    def kept(path: str) -> bool:
        return any(fnmatchcase(path, pattern) for pattern in keep)

    weights = [one for one in weight_candidates(original) if not kept(one.path)]
    signs = [(path, one) for path, one in sign_candidates(original) if not kept(path)]
    calls = inputs_of(original, inputs, [*(one.path for one in weights), *dict(signs)])
    adopted, changes = deep_copy(original), []
    for path, ask in [
        *((one.path, partial(_adopt_layer, one)) for one in weights),
        *((path, partial(_adopt_sign, path, one)) for path, one in signs),
    ]:
        done = [change.path for change in changes if change.difference is not None]
        outcome = None if any(_is_inside(path, other) for other in done) else ask(calls)
        if outcome is None:
            continue
        replacement, change = outcome
        changes.append(change)
        if replacement is not None:
            adopted = replaced(adopted, path, replacement)
    return adopted, changes


def _is_inside(path: str, other: str) -> bool:
    return other == "" or path.startswith(f"{other}.")


def _check_keep(model: nn.Module, keep: tuple[str, ...]) -> None:
    paths = [path for path, _ in model.named_modules()]
    for pattern in keep:
        if not any(fnmatchcase(path, pattern) for path in paths):
            raise UsageError(
                f"keep={pattern!r} matches no module; give paths such as {paths[-1]!r}"
            )


def _adopt_layer(candidate: Candidate, calls: Inputs) -> Outcome | None:
    path, module = candidate.path, candidate.module
    if path not in calls:
        return _left(path, module, "with this example it is not called with one tensor")
    sample, output = calls[path][0]
    try:
        reasons = []
        for name in candidate.weights:
            tensor = dict([*module.named_parameters(), *module.named_buffers()])[name]
            if tensor.numel() > _MOST_NUMBERS:
                raise AdoptError(
                    f"its weight has {tensor.numel():,} numbers; at most {_MOST_NUMBERS:,} can be "
                    "examined"
                )
            for form in forms_of(tuple(tensor.shape), tuple(sample.shape), tuple(output.shape)):
                box = Box(module, sample)
                try:
                    found, weight = identify(box, name, form, sample)
                    return _built(candidate, box, found, weight, calls)
                except UnexplainedError as error:
                    reasons.append(error)
    except AdoptError as error:
        if not candidate.owner:
            return _left(path, module, str(error))
        raise _refused(path, module, error) from error
    binarized = [reason for reason in reasons if reason.binarized]
    if binarized and candidate.owner:
        raise _refused(path, module, binarized[0])
    if not reasons:
        return None
    return _left(path, module, f"{'' if binarized else 'not binary: '}{reasons[0]}")


def _refused(path: str, module: nn.Module, error: AdoptError) -> AdoptError:
    return AdoptError(
        f"{path or '.'} ({type(module).__name__}): {error}. Write it with layers of "
        f"signbit.layers, or leave it unchanged with keep=[{path!r}]"
    )


def _built(candidate: Candidate, box: Box, found: Found, weight: Tensor, calls: Inputs) -> Outcome:
    """The layer for the rule that was found, compared with the module on inputs of the network."""
    layer, worst = build(found, box.tensors(), weight), 0.0
    for sample, _ in calls[candidate.path][:_CALLS]:
        rows = sample[:_ROWS].to(box.dtype)
        for x in (rows, Draw(2).wild(rows.shape).to(rows)):
            with torch.no_grad():
                wanted, given = box.run(x), layer(x)
            axis = 1 if found.form.kernel else -1
            worst = max(worst, share((given - wanted).movedim(axis, 0), wanted.movedim(axis, 0)))
    if not worst <= box.tolerance:
        raise UnexplainedError(
            f"nearest: {found}, which differs by {worst:.1e} on inputs of the network"
        )
    kind = type(candidate.module).__name__
    dtype = calls[candidate.path][0][0].dtype
    return layer.to(dtype), Change(candidate.path, kind, type(layer).__name__, str(found), worst)


def _adopt_sign(path: str, module: nn.Module, calls: Inputs) -> Outcome | None:
    """A quantizer for a module that returns -1 and +1; None for others, which stay unchanged."""
    if path not in calls:
        return None
    sample = calls[path][0][0]
    if sample.dim() == 0:
        return None  # a scale, not a value of the network
    try:
        box = Box(module, sample)
        x = Draw().wild(sample[:_ROWS].shape).to(box.dtype)
        y = box.run(x)
        box.require_constant(x)
    except AdoptError:
        return None
    for zero in ZERO_RULES:
        quantizer = SIGNS[zero]()
        off = float((quantizer(x) - y).abs().max()) if y.shape == x.shape else float("inf")
        if off <= box.tolerance:
            kinds = type(module).__name__, type(quantizer).__name__
            return quantizer, Change(path, *kinds, f"sign of the input, sign(0) = {zero}", off)
    return None


def _left(path: str, module: nn.Module, reason: str) -> Outcome:
    kind = type(module).__name__
    return None, Change(path, kind, kind, reason)
