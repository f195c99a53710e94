"""Networks, found by name; and trained networks, with their preprocessing."""

from signbit.models._checkpoint import load_model, save_model
from signbit.models._input import in_memory_format, to_input
from signbit.models._legacy import is_legacy, legacy_input
from signbit.models._parameters import parameters_of
from signbit.models._rebuild import blueprint, check_preprocessing
from signbit.models._registry import Architecture, create, models, option, takes
from signbit.models._run_folder import (
    OWN_MODULE,
    RUN_FILE,
    imports_in,
    imports_of_run,
    read_settings,
)
from signbit.models._summary import COUNTS, LayerCost, summarize
from signbit.models._torch_file import parse_torch_file, read_bytes
from signbit.models._trained import TrainedModel
from signbit.models._weights import load_weights, read_weights, save_weights
from signbit.models._zeros import Zeros

__all__ = [
    "COUNTS",
    "OWN_MODULE",
    "RUN_FILE",
    "Architecture",
    "LayerCost",
    "TrainedModel",
    "Zeros",
    "blueprint",
    "check_preprocessing",
    "create",
    "imports_in",
    "imports_of_run",
    "in_memory_format",
    "is_legacy",
    "legacy_input",
    "load_model",
    "load_weights",
    "models",
    "option",
    "parameters_of",
    "parse_torch_file",
    "read_bytes",
    "read_settings",
    "read_weights",
    "save_model",
    "save_weights",
    "summarize",
    "takes",
    "to_input",
]
