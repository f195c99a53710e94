"""Turn a trained torch module into a packed network, exactly."""

from typing import TYPE_CHECKING, Any

from signbit.pack._outputs import OutputSpec
from signbit.pack._pack import pack

if TYPE_CHECKING:
    from signbit.scoring.temperature import calibrated

__all__ = ["OutputSpec", "calibrated", "pack"]


def __getattr__(name: str) -> Any:
    """Import `calibrated` on first use: packing alone needs neither the engine nor data readers."""
    if name != "calibrated":
        raise AttributeError(f"module 'signbit.pack' has no attribute {name!r}")
    from signbit.scoring.temperature import calibrated

    return calibrated
