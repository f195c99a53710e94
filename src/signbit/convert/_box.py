"""A foreign module as a closed box: numbers go in, numbers come out, and each time anew."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from signbit.convert._copies import arithmetic, attached, deep_copy, in_double, put
from signbit.errors import AdoptError, first_line

# Of the largest output. float64 still has to forgive code that rounds a scale to float32.
TOLERANCE = {torch.float64: 5e-7, torch.float32: 2e-5}


class Box:
    """A module in eval mode that starts each run from the state that it was adopted in.

    Such code changes its own weights, so that every run has a copy. It computes in float64 where
    the module can, so that rounding hides no difference between two rules.

    dtype: in which it computes.
    tolerance: the share of the largest output that rounding may account for.
    """

    def __init__(self, module: nn.Module, sample: Tensor):
        self.kind = type(module).__name__
        self._base = in_double(deep_copy(module))
        self.dtype = torch.float64
        try:
            wide = self.run(sample.double()).dtype is torch.float64
        except AdoptError:
            wide = False
        if not wide:
            self._base, self.dtype = deep_copy(module), sample.dtype
        if self.dtype not in TOLERANCE:
            raise AdoptError(f"it computes in {self.dtype}; call float() on the network first")
        self.tolerance = TOLERANCE[self.dtype]
        self.run(sample)

    def run(self, x: Tensor, changes: Mapping[str, Tensor] | None = None, times: int = 1) -> Tensor:
        """The output for `x`; with `changes`, tensors by name, in place of its own.

        times: how often the same copy runs; the last output counts.
        Raises: AdoptError where the module raises anything, or gives no tensor.
        """
        module = deep_copy(self._base)
        for name, value in (changes or {}).items():
            put(_get(module, name), value)
        output = None
        try:
            with torch.no_grad(), torch.random.fork_rng(devices=[]), arithmetic(self.dtype):
                torch.seed()
                for _ in range(times):
                    output = module(x.clone().to(self.dtype))
        # Foreign code raises anything.
        except Exception as error:
            reason = first_line(error).rstrip(".")
            raise AdoptError(f"it fails on an input of {_sizes(x)}: {reason}") from error
        if not isinstance(output, Tensor):
            raise AdoptError(f"it returns {type(output).__name__}, not one tensor")
        return output

    def runs(self, x: Tensor) -> bool:
        """Whether the module accepts an input like `x`."""
        try:
            self.run(x)
        except AdoptError:
            return False
        return True

    def require_constant(self, x: Tensor) -> None:
        """Raises: AdoptError where the same input has other outputs each time, or in a batch."""
        y = self.run(x)
        bound = self.tolerance * y.abs().max()
        if not y.isfinite().all():
            raise AdoptError("its answers are not finite")
        if not (self.run(x) - y).abs().max() <= bound:
            raise AdoptError("its answers are random in eval mode; make them deterministic there")
        if not (self.run(x, times=2) - y).abs().max() <= bound:
            raise AdoptError("its answers change from call to call; it must not depend on them")
        for index in range(len(x)):
            alone = self.run(x[index : index + 1])
            if not (alone - y[index : index + 1]).abs().max() <= bound:
                raise AdoptError("its answer for one input depends on the others of the batch")

    def tensors(self) -> dict[str, Tensor]:
        """The parameters and buffers of real numbers, by name."""
        found = [*self._base.named_parameters(), *self._base.named_buffers()]
        return {name: tensor.detach() for name, tensor in found if tensor.is_floating_point()}

    def numbers(self) -> dict[str, float]:
        """The plain numbers among its attributes, and those in tensors of one element."""
        found: dict[str, float] = {}
        for path, part in self._base.named_modules():
            for name, value in vars(part).items():
                if isinstance(value, Tensor) and value.numel() == 1:
                    value = value.item()
                if isinstance(value, float):
                    found[f"{path}.{name}" if path else name] = value
        return found

    def latents(self, name: str) -> list[Tensor]:
        """What may be the latent weight: what is attached to the parameter, and itself."""
        parameter = _get(self._base, name)
        return [value.detach() for _, value in attached(parameter)] + [parameter.detach()]


def _get(module: nn.Module, name: str) -> Tensor:
    path, _, last = name.rpartition(".")
    return getattr(module.get_submodule(path), last)


def _sizes(x: Tensor) -> str:
    return "x".join(map(str, x.shape))
