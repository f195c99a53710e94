"""One dot product of signs, computed three ways: multiply and add, XNOR, and packed XOR."""

import random
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from signbit.errors import UsageError

WORD_BITS = 64
# More bits show nothing new, and a mistyped length should not fill the memory.
MAX_BITS = 1 << 16
TRUTH_TABLE = tuple((a, w, int(a == w), a ^ w) for a in (0, 1) for w in (0, 1))
"""Rows (a, w, a XNOR w, a XOR w), in the order 00, 01, 10, 11."""


@dataclass(frozen=True)
class Explanation:
    """The dot product of two vectors of signs, computed in several ways.

    a, w: the vectors, as texts of 0 and 1, channel 0 first; 1 stands for +1, 0 for -1.

    Raises: UsageError for an empty text, other characters, or different lengths.
    """

    a: str
    w: str

    def __post_init__(self):
        check_bits("a", self.a)
        check_bits("w", self.w)
        if len(self.a) != len(self.w):
            raise UsageError(
                f"a has {_bits(len(self.a))}, w has {_bits(len(self.w))}; give the same number"
            )

    @property
    def n(self) -> int:
        """The number of channels."""
        return len(self.a)

    @cached_property
    def products(self) -> list[int]:
        """a * w of each channel, on -1 and +1."""
        return [x * y for x, y in zip(signs(self.a), signs(self.w), strict=True)]

    @cached_property
    def xnor(self) -> str:
        """1 where the bits agree."""
        return "".join("1" if x == y else "0" for x, y in zip(self.a, self.w, strict=True))

    @cached_property
    def xor(self) -> str:
        """1 where the bits differ."""
        return "".join("1" if x != y else "0" for x, y in zip(self.a, self.w, strict=True))

    @property
    def dot(self) -> int:
        """Multiply and add: the sum of the products."""
        return sum(self.products)

    @property
    def dot_xnor(self) -> int:
        """XNOR and popcount: a channel adds 1 if its bits agree, and subtracts 1 if they differ."""
        return 2 * self.xnor.count("1") - self.n

    @property
    def dot_xor(self) -> int:
        """XOR and popcount: start from n, and subtract 2 for each channel whose bits differ."""
        return self.n - 2 * self.xor.count("1")

    @cached_property
    def words(self) -> list[tuple[int, int, int]]:
        """(a, w, a XOR w) of each packed 64-bit word."""
        return [(a, w, a ^ w) for a, w in zip(pack(self.a), pack(self.w), strict=True)]

    @property
    def dot_words(self) -> int:
        """XOR and popcount on the packed words. Tail bits are 0 in both, so their XOR is 0."""
        return self.n - 2 * sum(xor.bit_count() for _, _, xor in self.words)

    def to_dict(self) -> dict[str, Any]:
        """The results for JSON; words are hexadecimal texts, as JSON readers round above 2^53."""
        a, w, xor = (
            [f"0x{word:016x}" for word in column] for column in zip(*self.words, strict=True)
        )
        return {
            "n": self.n,
            "a": self.a,
            "w": self.w,
            "products": self.products,
            "dot": self.dot,
            "xnor": {"bits": self.xnor, "popcount": self.xnor.count("1"), "dot": self.dot_xnor},
            "xor": {"bits": self.xor, "popcount": self.xor.count("1"), "dot": self.dot_xor},
            "words": {"bits": WORD_BITS, "a": a, "w": w, "xor": xor, "dot": self.dot_words},
        }


def signs(bits: str) -> list[int]:
    """+1 for each 1, -1 for each 0."""
    return [1 if bit == "1" else -1 for bit in bits]


def pack(bits: str) -> list[int]:
    """64-bit words: channel c in bit c % 64 of word c // 64, tail bits 0."""
    chunks = (bits[start : start + WORD_BITS] for start in range(0, len(bits), WORD_BITS))
    return [int(chunk[::-1], 2) for chunk in chunks]


def random_bits(length: int, seed: int) -> tuple[str, str]:
    """Two texts of `length` random bits. A seed gives the same bits on every machine.

    Raises: UsageError where length is not 1 to MAX_BITS.
    """
    if not 1 <= length <= MAX_BITS:
        raise UsageError(f"length is {length}; give 1 to {MAX_BITS} bits")
    generator = random.Random(seed)
    a, w = (format(generator.getrandbits(length), f"0{length}b") for _ in range(2))
    return a, w


def check_bits(name: str, text: str) -> None:
    """Raises: UsageError where `text` is not 1 to MAX_BITS characters, each 0 or 1."""
    if not text:
        raise UsageError(f"{name} is empty; give bits, such as 10110")
    if len(text) > MAX_BITS:
        raise UsageError(f"{name} has {len(text)} bits; give at most {MAX_BITS}")
    for place, character in enumerate(text):
        if character not in "01":
            raise UsageError(
                f"{name} has {character!a} at position {place}; give only 0 and 1, such as 10110"
            )


def _bits(count: int) -> str:
    return f"{count} bit{'s' if count != 1 else ''}"
