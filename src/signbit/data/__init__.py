"""Data sets as uint8 arrays, image files as arrays, and arrays as image files."""

from signbit.data._array_files import read_arrays
from signbit.data._files import image_files, label_of
from signbit.data._image import read_image
from signbit.data._load import load
from signbit.data._samples import Batch, Samples, Selection, Target
from signbit.data._synonyms import canonical, class_places
from signbit.data._types import Images, ImageSet, Request, datasets
from signbit.data._write import write_images

__all__ = [
    "Batch",
    "ImageSet",
    "Images",
    "Request",
    "Samples",
    "Selection",
    "Target",
    "canonical",
    "class_places",
    "datasets",
    "image_files",
    "label_of",
    "load",
    "read_arrays",
    "read_image",
    "write_images",
]
