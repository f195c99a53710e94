"""Memory files for Verilog's `$readmemh`, and `.coe` files of Xilinx. Each line has one word."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Memory:
    """Words of `width` bits. The first field of a word is in its lowest bits."""

    width: int
    words: Sequence[int]

    def _digits(self) -> list[str]:
        return [f"{word:0{-(-self.width // 4)}x}" for word in self.words]

    def write(self, path: Path) -> None:
        """Write a file for `$readmemh`."""
        path.write_text("\n".join(self._digits()) + "\n", encoding="ascii", newline="\n")

    def write_coe(self, path: Path) -> None:
        """Write a file for the memory generators of Xilinx."""
        text = ",\n".join(self._digits())
        path.write_text(
            f"memory_initialization_radix=16;\nmemory_initialization_vector=\n{text};\n",
            encoding="ascii",
            newline="\n",
        )


def memory_of_bits(bits: NDArray[np.bool_]) -> Memory:
    """Words from rows of bits; the first bit is the lowest.  bits: (words, width)."""
    packed = np.packbits(bits, axis=-1, bitorder="little")
    return Memory(bits.shape[-1], [int.from_bytes(row.tobytes(), "little") for row in packed])


def memory_of_numbers(fields: NDArray[Any] | Sequence[Sequence[int]], bits: int) -> Memory:
    """Words from rows of whole numbers in two's complement, `bits` each; the first is lowest."""
    return Memory(
        bits * len(fields[0]), [join([int(n) for n in row], [bits] * len(row)) for row in fields]
    )


def join(fields: Sequence[int], widths: Sequence[int]) -> int:
    """One word from some numbers in two's complement; the first is in the lowest bits."""
    word = place = 0
    for field, width in zip(fields, widths, strict=True):
        if not -(1 << (width - 1)) <= field < (1 << width):
            raise ValueError(f"{field} does not fit {width} bits")
        word |= (field & ((1 << width) - 1)) << place
        place += width
    return word
