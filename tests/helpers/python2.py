"""Pickles as Python 2 wrote those of CIFAR-10 and CIFAR-100."""

import struct

import numpy as np

Value = int | bytes | list | dict | np.ndarray


def python2_pickle(value: Value) -> bytes:
    """What cPickle of Python 2 makes of data and arrays of bytes, in protocol 2."""
    writer = _Writer()
    return b"\x80\x02" + writer.write(value) + b"."


class _Writer:
    def __init__(self) -> None:
        self.memo = 0

    def write(self, value: Value) -> bytes:
        if isinstance(value, bytes):
            return self._text(value)
        if isinstance(value, list):
            start = b"]" + self._put()
            items = b"".join(map(self.write, value))
            return start + (b"(" + items + b"e" if value else b"")
        if isinstance(value, dict):
            start = b"}" + self._put()
            items = b"".join(self.write(key) + self.write(item) for key, item in value.items())
            return start + b"(" + items + b"u"
        if isinstance(value, np.ndarray):
            return self._array(value)
        return _number(value)

    def _put(self) -> bytes:
        self.memo += 1
        if self.memo < 256:
            return b"q" + bytes([self.memo])
        return b"r" + struct.pack("<I", self.memo)

    def _text(self, text: bytes) -> bytes:
        short = len(text) < 256
        size = bytes([len(text)]) if short else struct.pack("<I", len(text))
        return (b"U" if short else b"T") + size + text + self._put()

    def _array(self, array: np.ndarray) -> bytes:
        assert array.dtype == np.uint8
        parts = [b"cnumpy.core.multiarray\n_reconstruct\n", self._put()]
        parts += [b"cnumpy\nndarray\n", self._put(), b"K\0\x85", self._put(), self._text(b"b")]
        parts += [b"\x87", self._put(), b"R", self._put()]
        shape = b"".join(map(_number, array.shape))
        parts += [b"(K\x01", shape, b"\x86", self._put(), b"cnumpy\ndtype\n", self._put()]
        parts += [self._text(b"u1"), b"K\0K\x01\x87", self._put(), b"R", self._put()]
        parts += [b"(K\x03", self._text(b"|"), b"NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\0t"]
        parts += [self._put(), b"b\x89", self._text(array.tobytes()), b"t", self._put(), b"b"]
        return b"".join(parts)


def _number(value: int) -> bytes:
    if 0 <= value < 256:
        return b"K" + bytes([value])
    if 0 <= value < 65536:
        return b"M" + struct.pack("<H", value)
    return b"J" + struct.pack("<i", value)
