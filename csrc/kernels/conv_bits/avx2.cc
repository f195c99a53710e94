// Shuffles of 32 bytes. Their bound, for 3 nibbles of 2 positions and 32 channels: 3 shuffles, 4
// additions, one `and` and one shift. These are 9 instructions for 768 binary multiply-adds, in
// addition to loads of the weights, and of the tables, which 64 channels share.
#if defined(__x86_64__)
#include "kernels/avx2.h"
#include "kernels/conv_bits/shuffle.h"

namespace bnn {
namespace {

using shuffle::block_channels;
using shuffle::Chunk;

BNN_AVX2 inline __m256i table_at(std::uint16_t offset) {
    return _mm256_broadcastsi128_si256(
        _mm_load_si128(reinterpret_cast<const __m128i*>(shuffle::tables.entries.data() + offset)));
}

// Sums of 32 channels in bytes: of whole look-ups, modulo 256, and of their upper halves. The sum of
// the lower halves is the difference, so they need not be cut out.
struct Bytes {
    __m256i whole, upper;

    BNN_AVX2 inline void add(__m256i look_ups) {
        const __m256i low = _mm256_set1_epi8(15);
        const __m256i high = _mm256_and_si256(_mm256_srli_epi16(look_ups, 4), low);
        add_u8_to(whole, look_ups);
        add_u8_to(upper, high);
    }
    BNN_AVX2 inline __m256i lower() const {
        const __m256i high = _mm256_set1_epi8(static_cast<char>(0xf0));
        return _mm256_sub_epi8(whole, _mm256_and_si256(_mm256_slli_epi16(upper, 4), high));
    }
};

// Both halves of a block of 64 channels.
struct PairBytes {
    Bytes half[2];

    BNN_AVX2 inline void add_three(const std::uint16_t* stream, const __m256i* weights) {
        const __m256i table0 = table_at(stream[0]), table1 = table_at(stream[1]),
                      table2 = table_at(stream[2]);
        for (int k = 0; k < 2; ++k)
            half[k].add(_mm256_add_epi8(_mm256_add_epi8(_mm256_shuffle_epi8(table0, weights[k]),
                                                        _mm256_shuffle_epi8(table1, weights[2 + k])),
                                        _mm256_shuffle_epi8(table2, weights[4 + k])));
    }
    BNN_AVX2 inline void add_one(const std::uint16_t* stream, const __m256i* weights) {
        const __m256i table = table_at(*stream);
        for (int k = 0; k < 2; ++k) half[k].add(_mm256_shuffle_epi8(table, weights[k]));
    }
};

// Widens to 16 bits: the lower eight channels of every sixteen, then the upper ones.
template <bool first_chunk>
BNN_AVX2 inline void widen(__m256i bytes, __m256i* counts) {
    const __m256i zero = _mm256_setzero_si256();
    __m256i wide[2] = {_mm256_unpacklo_epi8(bytes, zero), _mm256_unpackhi_epi8(bytes, zero)};
    for (int k = 0; k < 2; ++k) {
        if (!first_chunk) wide[k] = _mm256_add_epi16(wide[k], counts[k]);
        counts[k] = wide[k];
    }
}

template <bool first_chunk>
BNN_AVX2 inline void flush(const PairBytes& pair, std::uint16_t* counts) {
    auto* to = reinterpret_cast<__m256i*>(counts);
    for (int k = 0; k < 2; ++k) {
        widen<first_chunk>(pair.half[k].lower(), to + 2 * k);
        widen<first_chunk>(pair.half[k].upper, to + 4 + 2 * k);
    }
}

// Two pairs of positions: 8 accumulators in registers.
struct Tile {
    static constexpr int pairs = 2;

    template <bool first_chunk>
    BNN_AVX2 static void count(const std::array<const std::uint16_t*, pairs>& streams,
                               const std::uint8_t* chunk_weights, const Chunk& chunk,
                               const std::array<std::uint16_t*, pairs>& counts) {
        const auto* weights = reinterpret_cast<const __m256i*>(chunk_weights);
        const std::uint16_t *stream0 = streams[0], *stream1 = streams[1];
        const __m256i zero = _mm256_setzero_si256();
        PairBytes pair0{{{zero, zero}, {zero, zero}}}, pair1 = pair0;
        for (int three = chunk.threes; three > 0; --three) {
            pair0.add_three(stream0, weights);
            pair1.add_three(stream1, weights);
            stream0 += 3, stream1 += 3, weights += 6;
        }
        for (int one = chunk.rest; one > 0; --one) {
            pair0.add_one(stream0++, weights);
            pair1.add_one(stream1++, weights);
            weights += 2;
        }
        flush<first_chunk>(pair0, counts[0]);
        flush<first_chunk>(pair1, counts[1]);
    }

    static constexpr int place(int channel) {
        return channel / 32 * 32 + channel / 8 % 2 * 16 + channel / 16 % 2 * 8 + channel % 8;
    }

    BNN_AVX2 static std::uint64_t bits(const std::uint16_t* counts, const std::int16_t* limits) {
        std::uint64_t word = 0;
        for (int half = 0; half < 2; ++half) {
            const auto* count = reinterpret_cast<const __m256i*>(counts + half * 32);
            const auto* limit = reinterpret_cast<const __m256i*>(limits + half * 32);
            const __m256i bytes = _mm256_packs_epi16(_mm256_cmpgt_epi16(limit[0], count[0]),
                                                     _mm256_cmpgt_epi16(limit[1], count[1]));
            word |= std::uint64_t{static_cast<std::uint32_t>(_mm256_movemask_epi8(bytes))}
                    << (half * 32);
        }
        return word;
    }

    BNN_AVX2 static void sums(const std::uint16_t* counts, const std::int32_t* at_zero,
                         int channels, std::int32_t* sums) {
        shuffle::write_sums<Tile>(counts, at_zero, channels, sums);
    }
};

[[maybe_unused]] const bool registered =
    ConvBitsTable::add("avx2", shuffle::ConvBitsShuffle<Tile>::make);

}  // namespace
}  // namespace bnn
#endif
