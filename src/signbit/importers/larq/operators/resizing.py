"""Maps of another size."""

import numpy as np
import torch.nn.functional as F
from torch import Tensor

from signbit.importers.larq._call import Call
from signbit.importers.larq._operators import reads


@reads("RESIZE_NEAREST_NEIGHBOR")
def _nearest(call: Call) -> None:
    value, sizes, wanted = call.value(0), call.shape(0)[1:], call.whole(1)
    if call.option("AlignCorners") or len(wanted) != 2 or len(sizes) != 2 or min(wanted) < 1:
        raise call.error(f"aligned corners, or from {list(sizes)} to {wanted}")
    # The middle of a position, or its beginning. In float32, as TensorFlow Lite computes it.
    within = np.float32(0.5 if call.option("HalfPixelCenters") else 0)
    rows, columns = (
        np.floor((np.arange(to, dtype=np.float32) + within) * (np.float32(size) / np.float32(to)))
        .astype(np.int64)
        .clip(0, size - 1)
        for size, to in zip(sizes, wanted, strict=True)
    )

    def compute(x: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
        return x.index_select(2, rows).index_select(3, columns)

    call.emit(compute, value, call.constant(rows), call.constant(columns))


@reads("RESIZE_BILINEAR")
def _bilinear(call: Call) -> None:
    value, wanted = call.value(0), call.whole(1)
    aligned, half = bool(call.option("AlignCorners")), bool(call.option("HalfPixelCenters"))
    if aligned == half or len(wanted) != 2 or len(call.shape(0)) != 3 or min(wanted) < 1:
        raise call.error(
            f"aligned corners {aligned}, half-pixel centres {half}, to {wanted}; one of the two "
            "can be read"
        )
    call.emit(
        lambda x: F.interpolate(x, tuple(wanted), mode="bilinear", align_corners=aligned), value
    )
