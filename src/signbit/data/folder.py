"""Image files in folders."""

from signbit.data._file_set import file_set
from signbit.data._files import expanded
from signbit.data._image_files import JoinedSource, PathSource
from signbit.data._labelled_files import labelled_files
from signbit.data._types import ImageSet, Request, datasets


@datasets.register("folder")
def folder(request: Request) -> ImageSet:
    """The image files of `folder:PATH`, in natural order.

    Layout: class folders, `PATH/<class>/...`, or names like `PATH/<label>_<index>.<ext>`, not
    both. Where PATH holds `train` and `test`, these are the splits, laid out in the same way;
    `val`, `valid` or `validation` stand for a `test` that is not there, as in ImageNet's layout.
    Else every image belongs to either split.

    Classes: the lines of `PATH/classes.txt` where it exists; else the class folders of all
    splits that hold an image, in natural order, or the numbers from 0 to the highest label.

    Images: an array up to MAX_ARRAY_BYTES, above that files that are read when asked for. All
    are converted to the size and channels requested. By default the size is that of the first
    image; images are RGB where any of either split has color, as its header says, and grey else.
    Where that is not the first image, a note on standard error names it.

    Shape:  (N, H, W, C) uint8.
    Raises: DataError naming the file without a label or the damaged image.
    """
    found = labelled_files(expanded(request.path), request.split)
    everything = JoinedSource([PathSource(paths) for paths in found.everything])
    return file_set(request, PathSource(found.paths), found.labels, found.classes, everything)
