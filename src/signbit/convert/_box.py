"""A foreign module as a closed box: numbers go in and numbers come out.

Each run starts from the same state.
"""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from signbit.convert._copies import arithmetic, attached, deep_copy, in_double, put
from signbit.errors import AdoptError, first_line

# Shares of the largest output. In float64 it must allow for code that rounds a scale to float32.
TOLERANCE = {torch.float64: 5e-7, torch.float32: 2e-5}


class Box:
    """A module in eval mode that starts each run from the state that it had at the beginning.

    Foreign code may change its own weights, so every run uses a copy. The box computes in float64
    where the module can. Then rounding does not hide a difference between two rules.

    dtype: the type that it computes in.
    tolerance: a difference up to this share of the largest output may come from rounding.
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
        """The output for `x`.

        changes: tensors by name that replace the module's own.
        times: how often the same copy runs; the last output is returned.
        Raises: AdoptError where the module raises an error, or does not return a tensor.
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
        # Foreign code may raise any error.
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
        """Raises: AdoptError where the output for an input depends on the call or on the batch."""
        y = self.run(x)
        bound = self.tolerance * y.abs().max()
        if not y.isfinite().all():
            raise AdoptError("its outputs are not finite")
        if not (self.run(x) - y).abs().max() <= bound:
            raise AdoptError("its outputs are random in eval mode; make them deterministic there")
        if not (self.run(x, times=2) - y).abs().max() <= bound:
            raise AdoptError("its output for one input changes from call to call; make it constant")
        for index in range(len(x)):
            alone = self.run(x[index : index + 1])
            if not (alone - y[index : index + 1]).abs().max() <= bound:
                raise AdoptError("its output for one input depends on the others of the batch")

    def tensors(self) -> dict[str, Tensor]:
        """The parameters and buffers of real numbers, by name."""
        found = [*self._base.named_parameters(), *self._base.named_buffers()]
        return {name: tensor.detach() for name, tensor in found if tensor.is_floating_point()}

    def numbers(self) -> dict[str, float]:
        """Its attributes that are plain numbers, and the numbers in its tensors of one element."""
        found: dict[str, float] = {}
        for path, part in self._base.named_modules():
            for name, value in vars(part).items():
                if isinstance(value, Tensor) and value.numel() == 1:
                    value = value.item()
                if isinstance(value, float):
                    found[f"{path}.{name}" if path else name] = value
        return found

    def latents(self, name: str) -> list[Tensor]:
        """Tensors that may be the latent weight: those attached to the parameter, and itself."""
        parameter = _get(self._base, name)
        return [value.detach() for _, value in attached(parameter)] + [parameter.detach()]


def _get(module: nn.Module, name: str) -> Tensor:
    path, _, last = name.rpartition(".")
    return getattr(module.get_submodule(path), last)


def _sizes(x: Tensor) -> str:
    return "x".join(map(str, x.shape))
