"""Choose parameters and buffers of a network by patterns for their names."""

from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase

from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from signbit.errors import UsageError, closest, printable


def matches(name: str, patterns: Iterable[str]) -> bool:
    """Whether one of the patterns, such as `features.*` or `*.bias`, matches a name."""
    return any(fnmatchcase(name, pattern) for pattern in patterns)


def require_matches(field: str, patterns: Iterable[str], names: Iterable[str]) -> None:
    """Raises: UsageError for a pattern that matches no name.

    field: the field of the recipe, for the message.
    """
    known = list(names)
    for pattern in patterns:
        if not any(fnmatchcase(name, pattern) for name in known):
            shown = ", ".join(known[:3])
            raise UsageError(
                f"{field}: {printable(pattern)!r} matches no name in the network; give patterns "
                f"for names such as {printable(shown)}.{closest(pattern, known)}"
            )


def freeze(model: nn.Module, patterns: Sequence[str]) -> None:
    """Switch off the gradient of the parameters that match.

    Raises: UsageError for a pattern that matches nothing.
    """
    require_matches("frozen", patterns, model.state_dict())
    for name, parameter in model.named_parameters(remove_duplicate=False):
        if matches(name, patterns):
            parameter.requires_grad_(False)


def keep_statistics(model: nn.Module, patterns: Sequence[str]) -> None:
    """Put the batch norms whose statistics match into eval mode."""
    for name, module in model.named_modules():
        if isinstance(module, _BatchNorm) and matches(f"{name}.running_mean", patterns):
            module.eval()
