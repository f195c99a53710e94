import numpy as np
import pytest

from signbit.format.bits import has_tail_bits, pack_bits, unpack_bits, words_for


def test_channel_c_is_bit_c_of_little_endian_words():
    bits = np.zeros(130, bool)
    bits[[0, 1, 63, 64, 129]] = True
    words = pack_bits(bits)
    assert words.tolist() == [0x8000000000000003, 1, 2]
    assert words.tobytes()[:2] == b"\x03\x00"


@pytest.mark.parametrize("channels", [1, 5, 63, 64, 65, 127, 128, 200])
def test_unpacking_undoes_packing(channels):
    bits = np.random.default_rng(channels).random((2, 3, channels)) < 0.5
    words = pack_bits(bits)
    assert words.shape == (2, 3, words_for(channels))
    np.testing.assert_array_equal(unpack_bits(words, channels), bits)
    assert not has_tail_bits(words, channels)
    if channels % 64:
        words[1, 2, -1] |= np.uint64(1 << 63)
        assert has_tail_bits(words, channels)
