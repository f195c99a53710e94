"""Which values of a file end in bits alone."""

from collections import defaultdict

from signbit.importers.larq._file import Content, Operator

# A sign after these is still one comparison of the sums before them.
_CARRIES = frozenset(
    ("ADD", "SUB", "MUL", "DIV", "RELU", "RELU6", "RELU_N1_TO_1", "PRELU", "LEAKY_RELU")
) | {"MAX_POOL_2D", "MAXIMUM", "MINIMUM"}


def end_in_bits(content: Content) -> set[int]:
    """The numbers of the tensors that are read by nothing but signs, or by functions before them.

    Such a value is never needed as a real number, only its comparison with 0.
    """
    readers: dict[int, list[Operator]] = defaultdict(list)
    for operator in content.operators:
        for number in operator.inputs:
            readers[number].append(operator)
    found: set[int] = set()
    for operator in reversed(content.operators):
        for number in operator.outputs:
            fits = all(_carries(content, reader, found) for reader in readers[number])
            if readers[number] and fits and number not in content.outputs:
                found.add(number)
    return found


def _carries(content: Content, reader: Operator, found: set[int]) -> bool:
    if reader.kind == "LceQuantize":
        return True
    variable = [n for n in reader.inputs if n >= 0 and content.tensors[n].content is None]
    return reader.kind in _CARRIES and len(variable) == 1 and found.issuperset(reader.outputs)
