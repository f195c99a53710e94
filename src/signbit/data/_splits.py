"""The splits of a data set that have images."""

from signbit.data._files import expanded, files_in
from signbit.data._labelled_files import split_folders
from signbit.data._shards import splits_in
from signbit.data._types import OF_PATHS, SPLITS


def splits_of(name: str) -> tuple[str, ...]:
    """The splits of a data set that have images; () where the files of a path have no splits.

    Raises: DataError for a folder that cannot be read.
    """
    kind, _, path = name.partition(":")
    if kind not in OF_PATHS or not path:
        return SPLITS
    if kind != "folder":
        return splits_in(path, f".{kind}")
    bases = split_folders(expanded(path))
    if len(set(bases.values())) < len(bases):
        return ()
    # If no split has an image, `load` raises the error.
    return tuple(split for split, base in bases.items() if files_in(base)) or SPLITS
