"""Networks whose code is outside of this package: the modules their files name, and messages."""

from collections.abc import Mapping, Sequence
from typing import Any

from torch import nn

from signbit.errors import CheckpointError
from signbit.models._registry import Architecture, models
from signbit.models._run_folder import OWN_MODULE
from signbit.quantizers import AbstractQuantizer
from signbit.user_modules import is_module_name, not_imported

_MOST_MODULES = 20
_MOST_LETTERS = 200
_OURS = "signbit"


def modules_needed(architecture: Architecture, network: nn.Module) -> list[str]:
    """The modules outside of this package that registered a network or define its quantizers.

    `__main__`, the program itself, is left out, because no other process can import it.
    """
    layers = network.modules()
    found = {type(one).__module__ for one in layers if isinstance(one, AbstractQuantizer)}
    found.add(models.registrar(architecture.name) or _OURS)
    return sorted(one for one in found if one.partition(".")[0] not in (_OURS, "__main__"))


def modules_named(path: str, model: Mapping[str, Any]) -> list[str]:
    """The modules that the metadata of a file names. None of them is imported.

    Raises: CheckpointError if they are not names of modules.
    """
    named = model.get("modules", [])
    if not (
        isinstance(named, list)
        and len(named) <= _MOST_MODULES
        and all(is_module_name(one) for one in named)
    ):
        raise CheckpointError(
            f"{path}: metadata: field 'modules' of the model is not a list of at most "
            f"{_MOST_MODULES} names of modules"
        )
    return named


def not_built(path: str, model: str, named: Sequence[str], reason: Exception) -> CheckpointError:
    """The error for a network that cannot be built: its code is missing, or another reason."""
    missing = not_imported(named)
    if not missing:
        return CheckpointError(f"{path}: metadata: {reason}")
    options = " ".join(f"--import {one}" for one in missing)
    return CheckpointError(
        f"{path}: the file says that its model {model!r} needs code that is not imported: "
        f"{', '.join(missing)}. If you trust that code, add {options}, in a folder that has it; in "
        "Python, import it first"
    )


def other_code(path: str, model: str, named: Sequence[str]) -> tuple[str, ...]:
    """A note if the module that registered the model is not one that the file names."""
    here = models.registrar(model)
    if not named or here in named:
        return ()
    return (f"{path}: model {model!r} comes from {here}, but its file names {', '.join(named)}",)


def of_own_module(path: str, info: Any) -> CheckpointError:
    """The error for weights of a module that was trained without a name."""
    said = info.get(OWN_MODULE) if isinstance(info, dict) else None
    name = f", {said[:_MOST_LETTERS]}," if isinstance(said, str) else ""
    return CheckpointError(
        f"{path}: holds the weights of a module of your own{name} but not how to build it; pack it "
        f"first: signbit pack FILE.py:NAME --weights {path} --signature FILE.yaml -o FILE.signbit, "
        "where NAME makes the module. In Python, signbit.train.load_weights fills the module"
    )
