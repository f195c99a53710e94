// Shuffles of 64 bytes, for processors that have AVX-512 without VPOPCNTDQ (Skylake-X, Cascade Lake).
// For 3 nibbles of 2 positions and 64 channels: 3 shuffles, 4 additions, one `and` and one shift. These
// are 9 instructions for 1,536 binary multiply-adds, in addition to 3 loads of tables. The weights stay
// in registers for 4 pairs of positions. These processors have one port for shuffles and two for the
// rest.
#include "kernels/avx512.h"
#if BNN_HAS_AVX512
#include "kernels/conv_bits/shuffle.h"

namespace bnn {
namespace {

using shuffle::Chunk;

BNN_AVX512_BW inline __m512i table_at(std::uint16_t offset) {
    return _mm512_broadcast_i32x4(
        _mm_load_si128(reinterpret_cast<const __m128i*>(shuffle::tables.entries.data() + offset)));
}

// Sums of 64 channels in bytes: of whole look-ups, modulo 256, and of their upper halves.
struct Bytes {
    __m512i whole, upper;

    BNN_AVX512_BW inline void add(__m512i look_ups) {
        const __m512i low = _mm512_set1_epi8(15);
        whole = _mm512_add_epi8(whole, look_ups);
        upper = _mm512_add_epi8(upper, _mm512_and_si512(_mm512_srli_epi16(look_ups, 4), low));
    }
    BNN_AVX512_BW inline __m512i lower() const {
        const __m512i high = _mm512_set1_epi8(static_cast<char>(0xf0));
        return _mm512_sub_epi8(whole, _mm512_and_si512(_mm512_slli_epi16(upper, 4), high));
    }
};

// Widens to 16 bits: the lower eight channels of every sixteen, then the upper ones.
template <bool first_chunk>
BNN_AVX512_BW inline void widen(__m512i bytes, std::uint16_t* counts) {
    const __m512i zero = _mm512_setzero_si512();
    __m512i wide[2] = {_mm512_unpacklo_epi8(bytes, zero), _mm512_unpackhi_epi8(bytes, zero)};
    for (int k = 0; k < 2; ++k, counts += 32) {
        if (!first_chunk) wide[k] = _mm512_add_epi16(wide[k], _mm512_load_si512(counts));
        _mm512_store_si512(counts, wide[k]);
    }
}

struct Tile {
    static constexpr int pairs = 4;

    template <bool first_chunk>
    BNN_AVX512_BW static void count(const std::array<const std::uint16_t*, pairs>& streams,
                                    const std::uint8_t* weights, const Chunk& chunk,
                                    const std::array<std::uint16_t*, pairs>& counts) {
        Bytes totals[pairs];
        for (Bytes& total : totals) total = {_mm512_setzero_si512(), _mm512_setzero_si512()};
        int nibble = 0;
        for (int three = chunk.threes; three > 0; --three, nibble += 3, weights += 192) {
            const __m512i weight0 = _mm512_load_si512(weights),
                          weight1 = _mm512_load_si512(weights + 64),
                          weight2 = _mm512_load_si512(weights + 128);
            for (int k = 0; k < pairs; ++k) {
                const std::uint16_t* stream = streams[k] + nibble;
                totals[k].add(_mm512_add_epi8(
                    _mm512_add_epi8(_mm512_shuffle_epi8(table_at(stream[0]), weight0),
                                    _mm512_shuffle_epi8(table_at(stream[1]), weight1)),
                    _mm512_shuffle_epi8(table_at(stream[2]), weight2)));
            }
        }
        for (int one = chunk.rest; one > 0; --one, ++nibble, weights += 64) {
            const __m512i weight = _mm512_load_si512(weights);
            for (int k = 0; k < pairs; ++k)
                totals[k].add(_mm512_shuffle_epi8(table_at(streams[k][nibble]), weight));
        }
        for (int k = 0; k < pairs; ++k) {
            widen<first_chunk>(totals[k].lower(), counts[k]);
            widen<first_chunk>(totals[k].upper, counts[k] + shuffle::block_channels);
        }
    }

    static constexpr int place(int channel) {
        return channel / 8 % 2 * 32 + channel / 16 * 8 + channel % 8;
    }

    BNN_AVX512_BW static std::uint64_t bits(const std::uint16_t* counts,
                                            const std::int16_t* limits) {
        const __m512i lower = _mm512_movm_epi16(
            _mm512_cmpge_epi16_mask(_mm512_load_si512(counts), _mm512_load_si512(limits)));
        const __m512i upper = _mm512_movm_epi16(
            _mm512_cmpge_epi16_mask(_mm512_load_si512(counts + 32), _mm512_load_si512(limits + 32)));
        return ~_mm512_movepi8_mask(_mm512_packs_epi16(lower, upper));
    }

    BNN_AVX512_BW static void sums(const std::uint16_t* counts, const std::int32_t* at_zero,
                         int channels, std::int32_t* sums) {
        shuffle::write_sums<Tile>(counts, at_zero, channels, sums);
    }
};

[[maybe_unused]] const bool registered =
    ConvBitsTable::add("avx512bw", shuffle::ConvBitsShuffle<Tile>::make);

}  // namespace
}  // namespace bnn
#endif
