"""Image files in folders."""

from signbit.data._file_set import file_set
from signbit.data._files import expanded
from signbit.data._image_files import JoinedSource, PathSource
from signbit.data._labelled_files import labelled_files
from signbit.data._types import ImageSet, Request, datasets


@datasets.register("folder")
def folder(request: Request) -> ImageSet:
    """The image files of `folder:PATH`, in natural order.

    Layout: either class folders, `PATH/<class>/...`, or names like `PATH/<label>_<index>.<ext>`,
    but not both. If PATH contains `train` and `test`, these are the splits, and each has this
    layout. If there is no `test`, then `val`, `valid` or `validation` takes its place, as in
    ImageNet's layout. If there are no such folders, every image belongs to both splits.

    Classes: the lines of `PATH/classes.txt`, if it exists. Otherwise the class folders of all
    splits that contain an image, in natural order, or the numbers from 0 to the highest label.

    Images: an array of up to MAX_ARRAY_BYTES; a larger set stays in its files, and each image is
    read when it is used. All images are converted to the size and channels of the request. The
    default size is that of the first image. By default all images are RGB if the header of any
    image in either split says that it has color, else grey. If that image is not the first one, a
    note on standard error names it.

    Shape:  (N, H, W, C) uint8.
    Raises: DataError naming the file that has no label or is damaged.
    """
    found = labelled_files(expanded(request.path), request.split)
    everything = JoinedSource([PathSource(paths) for paths in found.everything])
    return file_set(request, PathSource(found.paths), found.labels, found.classes, everything)
