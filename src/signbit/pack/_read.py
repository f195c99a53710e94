"""Turn a recording into steps: a rule reads each run of an operator that the output needs."""

from collections.abc import Sequence
from typing import Any

import torch

from signbit.errors import PackError, SignbitError, closest, first_line
from signbit.format import Input
from signbit.pack._draft import Given
from signbit.pack._fold import Folding
from signbit.pack._layout import Placed
from signbit.pack._network import Network, image_shape
from signbit.pack._record import Recording
from signbit.pack._rule import RuleCall
from signbit.pack._view import CONSTANT, OperatorCall, Result, View
from signbit.pack.rules import Rule, rules

# Operators of ATen that multiply two matrices, or compute whole layers of attention.
_MATRIX_PRODUCTS = frozenset(
    (
        *("mm", "bmm", "_native_multi_head_attention", "_transformer_encoder_layer_fwd"),
        *("_scaled_dot_product_flash_attention_for_cpu", "_scaled_dot_product_attention_math"),
    )
)


def read(
    recording: Recording, inputs: Sequence[Input], folding: Folding
) -> tuple[Network, list[Placed]]:
    """The network as steps, and its outputs.

    Raises: PackError naming the place and the operator that cannot be packed, and why.
    """
    place = recording.place
    given = [Given(place, (), one.type[1:], one, number) for number, one in enumerate(inputs)]
    network = Network(recording, given, folding)
    needed = _needed(recording)
    for call in recording.calls:
        if call.writes_state and call.number in needed:
            raise PackError(
                f"{call.place}: {call.operator} changes a parameter or buffer depending on the "
                "images, so later calls give different scores; do that in training only "
                "(if self.training: ...)"
            )
    _require_no_earlier(recording, needed)
    _require_no_attention(recording, needed)
    for call in recording.calls:
        network.know(call)
        if call.number in needed:
            network.add(call, _by_rule(call, network))
    return network, [network.read(output, place) for output in recording.outputs]


def _require_no_earlier(recording: Recording, needed: set[int]) -> None:
    reads = [(call.place, call.views()) for call in recording.calls if call.number in needed]
    for place, views in [*reads, (recording.place, recording.outputs)]:
        if any(view.earlier for view in views):
            raise PackError(
                f"{place}: reads numbers that an earlier call kept from its images, so the scores "
                "depend on which images came first; run the network on images of its task before "
                "you pack it"
            )


def _require_no_attention(recording: Recording, needed: set[int]) -> None:
    """This is checked first: the code before such a product may be refused for other reasons."""
    for call in recording.calls:
        if call.number not in needed or call.operator not in _MATRIX_PRODUCTS:
            continue
        if sum(not view.is_constant for view in call.views()) > 1:
            raise PackError(
                f"{call.place}: {call.operator} multiplies two matrices that both depend on the "
                "input, which attention does; use layers with weights there, or products of number "
                "by number"
            )


def _by_rule(call: OperatorCall, network: Network) -> Sequence[Placed | None]:
    if call.operator not in rules:
        raise PackError(f"{call.place}: {_why_not(call)}")
    rule = rules.get(call.operator)
    try:
        found = rule(RuleCall(call, network))
    except SignbitError:
        raise
    except Exception as error:
        raise PackError(
            f"{call.place}: {_called(rule, call)} raised {type(error).__name__}: "
            f"{first_line(error)}; this is a mistake of the rule"
        ) from error
    results = [found] if isinstance(found, Placed) else found
    if not _is_result(results, call):
        raise PackError(
            f"{call.place}: {_called(rule, call)} returned {type(found).__name__}; a rule returns "
            f"a Placed, or a list with one for each of {len(call.results)} results and None for a "
            "result that it does not know. A Placed has the shape of the result without the batch, "
            "and its step holds all its numbers"
        )
    return results


def _called(rule: Rule, call: OperatorCall) -> str:
    return f"the rule for {call.operator}, of {rule.__module__},"


def _is_result(results: Any, call: OperatorCall) -> bool:
    if not isinstance(results, list | tuple) or len(results) != len(call.results):
        return False
    return all(
        one is None
        or (
            isinstance(one, Placed)
            and one.shape == image_shape(result.shape, call.place)
            and one.lies_in_step
        )
        for one, result in zip(results, call.results, strict=True)
    )


def _why_not(call: OperatorCall) -> str:
    if torch.Tag.nondeterministic_seeded in call.overload.tags:
        return (
            f"{call.operator} draws random numbers, so the network gives different scores for the "
            "same image; call it in training only (if self.training: ...)"
        )
    return (
        f"{call.operator} cannot be packed; write it with operators that can "
        "(docs/packing-rules.md lists them), or add a rule for it."
        f"{closest(call.operator, rules.names())}"
    )


def _needed(recording: Recording) -> set[int]:
    """The numbers of the runs that the output depends on."""
    results = [*recording.inputs, *(one for call in recording.calls for one in call.results)]
    starts = torch.tensor([one.first for one in results])
    needed: set[int] = set()
    stack = [*recording.outputs]
    while stack:
        for result in _results(stack.pop(), results, starts):
            call = result.call
            if call.number not in needed:
                needed.add(call.number)
                stack.extend(call.views())
    return needed


def _results(view: View, results: Sequence[Result], starts: torch.Tensor) -> list[Result]:
    if view.is_constant:
        return []
    if view.whole is not None:
        return [view.whole]
    elements = view.numbered().reshape(-1)
    owners = torch.bucketize(elements[elements != CONSTANT].contiguous(), starts, right=True) - 1
    return [results[int(one)] for one in owners.unique()]
