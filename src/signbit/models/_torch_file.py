"""Read files of `torch.save`: its zip archives, and the older sequence of pickles.

`torch.load(weights_only=True)` calls functions of torch with any arguments that a file gives. This
reader calls none of them. It compares the checksum of each member of an archive, makes no storage
larger than the file, and reads nothing past the end of a storage.
"""

import io
import zipfile
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from signbit.errors import CheckpointError, first_line, printable
from signbit.files import read_regular
from signbit.models._torch_pickle import tensor_dialect
from signbit.pickles import ALL_STEPS, Dialect, ForbiddenError, read_pickle

MAX_BYTES = 1 << 32
_MAX_MEMBERS = 1 << 15
_MAX_PICKLE = 1 << 26
# A tensor takes about 60 steps.
_MAX_STEPS = 1 << 22
_ZIP, _ZIP_ENTRY = b"PK\x03\x04", b"PK\x01\x02"
_MAGIC, _PROTOCOL = 0x1950A86A20F9469CFC6C, 1001


def read_torch_file(path: Path | str) -> Any:
    """The content of a file: tensors on the CPU, in dicts, lists and tuples.

    Tensors that shared memory still share it. An object that is not a plain value, such as a number
    of NumPy, becomes an `Inert`, which keeps only its name.

    Raises: CheckpointError.
    """
    return parse_torch_file(printable(str(path)), read_bytes(path))


def read_bytes(path: Path | str) -> bytes:
    """The bytes of a file of at most 4 GiB.

    Raises: CheckpointError if it cannot be read, is larger or does not fit into memory.
    """
    try:
        return read_regular(path, MAX_BYTES)
    except (OSError, MemoryError) as error:
        reason = getattr(error, "strerror", None) or "it does not fit into memory"
        raise CheckpointError(f"{printable(str(path))}: cannot be read: {reason}") from error


def parse_torch_file(path: str, content: bytes, only_plain: bool = False) -> Any:
    """Do the same as `read_torch_file` for bytes that are already read.

    path: the name of the file in messages.
    only_plain: refuse other objects instead of returning an `Inert` for each.

    Raises: CheckpointError if the bytes are damaged or of another kind, or ask for a forbidden
        object.
    """
    read = _read_zip if content.startswith(_ZIP) else _read_sequence
    try:
        return read(content, only_plain)
    except ForbiddenError as error:
        raise CheckpointError(
            f"{path}: refused: it asks for {error.name}, but only tensors and plain values are "
            "read. Save it again with only its 'state_dict': torch.save(model.state_dict(), FILE)"
        ) from error
    # Damage makes a reader fail in any way: struct.error, IndexError, KeyError and others.
    except Exception as error:
        raise CheckpointError(
            f"{path}: not a readable torch checkpoint: {printable(first_line(error))[:200]}; it is "
            "damaged or of another kind. Copy it again, or save it again with torch.save"
        ) from error


def _read_zip(content: bytes, only_plain: bool) -> Any:
    if content.count(_ZIP_ENTRY) > _MAX_MEMBERS:
        raise ValueError(f"more than {_MAX_MEMBERS} files in the archive")
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        members = _members(archive, len(content))
        name = next((name for name in members if name.endswith("data.pkl")), "")
        root = name.removesuffix("data.pkl")
        pickled = members.get(name)
        if pickled is None or name.count("/") != 1:
            raise ValueError("no data.pkl in the archive")
        if pickled.file_size > _MAX_PICKLE:
            raise ValueError(f"data.pkl has {pickled.file_size} bytes, more than {_MAX_PICKLE}")
        # zipfile compares the CRC-32 of a member when it is read to its end.
        parts = {member: archive.read(info) for member, info in members.items()}
    if parts.get(f"{root}byteorder", b"little") != b"little":
        raise ValueError("numbers are not little-endian")
    storages = {
        member.removeprefix(f"{root}data/"): _memory(part)
        for member, part in parts.items()
        if member.startswith(f"{root}data/")
    }
    pickle = parts[name]
    dialect = tensor_dialect(len(pickle), storages.__getitem__, only_plain)
    return read_pickle(pickle, dialect, _MAX_STEPS)[0]


def _members(archive: zipfile.ZipFile, size: int) -> dict[str, zipfile.ZipInfo]:
    """The files of an archive by name. Raises: ValueError where their sizes cannot be true."""
    infos = archive.infolist()
    members = {info.filename: info for info in infos}
    if len(members) < len(infos):
        raise ValueError("two files of the archive have one name")
    for info in infos:
        if info.compress_type != zipfile.ZIP_STORED or info.compress_size != info.file_size:
            raise ValueError(
                f"{info.filename[:100]!r} is compressed, {info.compress_size} bytes for "
                f"{info.file_size}; torch.save stores files as they are"
            )
    if sum(info.file_size for info in infos) > size:
        raise ValueError(f"its files should have more bytes than the {size} of the whole archive")
    return members


class _Sequence:
    """Pickles and storages, one after the other."""

    def __init__(self, content: bytes):
        self.content, self.at = content, 0

    def pickle(self, dialect: Dialect) -> Any:
        value, self.at = read_pickle(self.content, dialect, _MAX_STEPS, self.at)
        return value

    def storage(self, dtype: torch.dtype) -> Tensor:
        start = self.at + 8
        size = int.from_bytes(self.content[self.at : start], "little", signed=True) * dtype.itemsize
        left = len(self.content) - start
        if not 0 <= size <= left:
            raise ValueError(f"a storage should have {size} bytes, but {left} are left")
        self.at = start + size
        return _memory(self.content[start : self.at])


def _read_sequence(content: bytes, only_plain: bool) -> Any:
    """The format before torch 1.6: pickles, then the storages in the order of a list of keys."""
    file, plain = _Sequence(content), Dialect(ALL_STEPS)
    if file.pickle(plain) != _MAGIC or file.pickle(plain) != _PROTOCOL:
        raise ValueError("neither a zip archive nor the older format of torch.save")
    system = file.pickle(plain)
    if not isinstance(system, dict) or system.get("little_endian") is not True:
        raise ValueError("numbers are not little-endian")
    start, wanted = file.at, {}
    # The tensors come before their memory in the file. So they are read twice: the first time only
    # says which storages there are.
    file.pickle(tensor_dialect(len(content), lambda key: None, only_plain, wanted))
    storages: dict[str, Tensor] = {}
    for key in file.pickle(plain):
        # The hash of a key of another type could take for ever.
        if type(key) is not str:
            raise ValueError(f"{type(key).__name__} as the key of a storage")
        storages[key] = file.storage(wanted[key])
    if file.at != len(content):
        raise ValueError("bytes after the last storage")
    file.at = start
    return file.pickle(tensor_dialect(len(content), storages.__getitem__, only_plain))


def _memory(part: bytes) -> Tensor:
    """Bytes as a tensor that owns them; `frombuffer` refuses to make an empty one."""
    return torch.frombuffer(bytearray(part), dtype=torch.uint8) if part else torch.empty(0).byte()
