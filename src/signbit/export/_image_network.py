"""Networks of one image and one row of class scores, for which exporters have a short form."""

from signbit.errors import UsageError
from signbit.format import PackedModel


def is_image_network(model: PackedModel) -> bool:
    """Whether a network takes one image of pixels and gives one row of scores of classes."""
    try:
        model.signature.preprocessing()
    except UsageError:
        return False
    return True
