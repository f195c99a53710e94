"""Read data sets and image files as uint8 arrays, write arrays as image files, read sounds."""

from signbit.data._array_files import read_arrays
from signbit.data._files import image_files, label_of
from signbit.data._front_end import FrontEnd
from signbit.data._image import read_image
from signbit.data._image_files import blocks_of, parts_of
from signbit.data._load import load
from signbit.data._samples import Batch, Samples, Selection, Target
from signbit.data._sound_set import SoundSet, load_sounds
from signbit.data._sounds import read_sound
from signbit.data._synonyms import canonical, class_places
from signbit.data._types import Images, ImageSet, Request, datasets
from signbit.data._write import write_images

__all__ = [
    "Batch",
    "FrontEnd",
    "ImageSet",
    "Images",
    "Request",
    "Samples",
    "Selection",
    "SoundSet",
    "Target",
    "blocks_of",
    "canonical",
    "class_places",
    "datasets",
    "image_files",
    "label_of",
    "load",
    "load_sounds",
    "parts_of",
    "read_arrays",
    "read_image",
    "read_sound",
    "write_images",
]
