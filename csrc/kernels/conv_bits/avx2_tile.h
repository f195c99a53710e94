// XOR and popcount of four bits at once, for two pixels, by one byte shuffle.
//
// A shuffle looks 32 indices up in a table of 16 bytes. The index is a nibble of the weights, one
// for each of 32 output channels; the table belongs to the nibbles a and b that two output pixels
// see there, and its entry for w holds popcount(a ^ w) below and popcount(b ^ w) above. All 256
// tables take 4 KB. So one shuffle does 2 * 32 * 4 binary multiply-adds, twice as many as with a
// table for one pixel, and three of them can be added before a half could pass 15.
//
// What bounds it, per 3 nibbles of 2 pixels and 32 channels: 3 shuffles, 4 additions, 2 ands and a
// shift, 10 instructions for 768 multiply-adds, beside loads of the tables, which are shared by 64
// channels, and of the weights, which stay in L1 while a strip of pixels passes over them.
#pragma once
#if defined(__x86_64__)
#include <immintrin.h>

#include <array>
#include <cstdint>

#define BNN_AVX2 __attribute__((target("avx2")))

namespace bnn::avx2 {

constexpr int nibbles_per_word = 16;
constexpr int block_channels = 64;
constexpr int pair_counts = 2 * block_channels;

struct Tables {
    alignas(64) std::array<std::uint8_t, 256 * 16> entries;

    constexpr Tables() : entries() {
        for (int pair = 0; pair < 256; ++pair) {
            for (int weight = 0; weight < 16; ++weight) {
                const int low = ones((pair & 15) ^ weight), high = ones((pair >> 4) ^ weight);
                entries[pair * 16 + weight] = static_cast<std::uint8_t>(low | high << 4);
            }
        }
    }
    static constexpr int ones(int nibble) {
        return (nibble & 1) + (nibble >> 1 & 1) + (nibble >> 2 & 1) + (nibble >> 3 & 1);
    }
};

constexpr Tables tables;

// Consecutive nibbles of a window: `threes` times 3, then `rest`.
struct Chunk {
    std::uint32_t stream_offset;  // from the stream of the pair's first position
    std::uint32_t weight_offset;  // bytes, within the weights of a block
    int threes, rest;
};

BNN_AVX2 inline __m256i table_at(std::uint16_t offset) {
    return _mm256_broadcastsi128_si256(
        _mm_load_si128(reinterpret_cast<const __m128i*>(tables.entries.data() + offset)));
}

// Adds the lower and upper halves of bytes to the counts of the first and the second pixel.
BNN_AVX2 inline void add_halves(__m256i both, __m256i& first, __m256i& second) {
    const __m256i low = _mm256_set1_epi8(15);
    first = _mm256_add_epi8(first, _mm256_and_si256(both, low));
    second = _mm256_add_epi8(second, _mm256_and_si256(_mm256_srli_epi16(both, 4), low));
}

BNN_AVX2 inline __m256i look_up_three(__m256i table0, __m256i table1, __m256i table2,
                                          const __m256i* weights) {
    return _mm256_add_epi8(_mm256_add_epi8(_mm256_shuffle_epi8(table0, weights[0]),
                                           _mm256_shuffle_epi8(table1, weights[2])),
                           _mm256_shuffle_epi8(table2, weights[4]));
}

// Widens 32 byte counts to 16 bits: the even channels, then the odd ones.
template <bool first_chunk>
BNN_AVX2 inline void flush(__m256i bytes, __m256i* counts) {
    __m256i even = _mm256_and_si256(bytes, _mm256_set1_epi16(255));
    __m256i odd = _mm256_srli_epi16(bytes, 8);
    if (!first_chunk) {
        even = _mm256_add_epi16(even, counts[0]);
        odd = _mm256_add_epi16(odd, counts[1]);
    }
    counts[0] = even;
    counts[1] = odd;
}

// Counts of one pair of pixels, as bytes: two vectors of 32 channels for each pixel.
struct PairBytes {
    __m256i first_low, first_high, second_low, second_high;
};

template <bool first_chunk>
BNN_AVX2 inline void flush_pair(const PairBytes& bytes, std::uint16_t* counts) {
    auto* to = reinterpret_cast<__m256i*>(counts);
    flush<first_chunk>(bytes.first_low, to);
    flush<first_chunk>(bytes.first_high, to + 2);
    flush<first_chunk>(bytes.second_low, to + 4);
    flush<first_chunk>(bytes.second_high, to + 6);
}

BNN_AVX2 inline void add_three(PairBytes& bytes, const std::uint16_t* stream,
                                   const __m256i* weights) {
    const __m256i table0 = table_at(stream[0]), table1 = table_at(stream[1]),
                  table2 = table_at(stream[2]);
    add_halves(look_up_three(table0, table1, table2, weights), bytes.first_low, bytes.second_low);
    add_halves(look_up_three(table0, table1, table2, weights + 1), bytes.first_high,
               bytes.second_high);
}

BNN_AVX2 inline void add_one(PairBytes& bytes, const std::uint16_t* stream,
                                 const __m256i* weights) {
    const __m256i table = table_at(*stream);
    add_halves(_mm256_shuffle_epi8(table, weights[0]), bytes.first_low, bytes.second_low);
    add_halves(_mm256_shuffle_epi8(table, weights[1]), bytes.first_high, bytes.second_high);
}

// One chunk of two pairs of pixels and 64 channels: 8 accumulators in registers.
template <bool first_chunk>
BNN_AVX2 inline void count_tile(const std::uint16_t* stream0, const std::uint16_t* stream1,
                             const std::uint8_t* block_weights, const Chunk& chunk,
                             std::uint16_t* counts0, std::uint16_t* counts1) {
    const auto* weights =
        reinterpret_cast<const __m256i*>(block_weights + chunk.weight_offset);
    stream0 += chunk.stream_offset;
    stream1 += chunk.stream_offset;
    const __m256i zero = _mm256_setzero_si256();
    PairBytes pair0{zero, zero, zero, zero}, pair1{zero, zero, zero, zero};
    for (int three = chunk.threes; three > 0; --three) {
        add_three(pair0, stream0, weights);
        add_three(pair1, stream1, weights);
        stream0 += 3, stream1 += 3, weights += 6;
    }
    for (int one = chunk.rest; one > 0; --one) {
        add_one(pair0, stream0++, weights);
        add_one(pair1, stream1++, weights);
        weights += 2;
    }
    flush_pair<first_chunk>(pair0, counts0);
    flush_pair<first_chunk>(pair1, counts1);
}

// The table offsets for two positions: nibble by nibble, low ones of all bytes of a word first.
BNN_AVX2 inline void write_stream(const std::uint64_t* first, const std::uint64_t* second,
                                      int words, std::uint16_t* stream) {
    constexpr std::uint64_t low = 0x0f0f0f0f0f0f0f0f;
    for (int word = 0; word < words; ++word, stream += nibbles_per_word) {
        const std::uint64_t lower = (first[word] & low) | (second[word] & low) << 4;
        const std::uint64_t upper = (first[word] >> 4 & low) | (second[word] & ~low);
        const __m256i pairs = _mm256_cvtepu8_epi16(
            _mm_set_epi64x(static_cast<long long>(upper), static_cast<long long>(lower)));
        _mm256_storeu_si256(reinterpret_cast<__m256i*>(stream), _mm256_slli_epi16(pairs, 4));
    }
}

// Where the count of a channel of a block lies after `flush`.
constexpr int count_place(int channel) {
    return channel / 32 * 32 + channel % 2 * 16 + channel % 32 / 2;
}

// Counts of channels first to first + 7 of a block, as 32-bit numbers; first is a multiple of 8.
BNN_AVX2 inline __m256i eight_counts(const std::uint16_t* counts, int first) {
    const std::uint16_t* even = counts + count_place(first);
    const auto load = [](const std::uint16_t* four) BNN_AVX2 {
        return _mm_loadl_epi64(reinterpret_cast<const __m128i*>(four));
    };
    return _mm256_cvtepu16_epi32(_mm_unpacklo_epi16(load(even), load(even + 16)));
}

BNN_AVX2 inline std::uint64_t compare(const std::uint16_t* counts, const std::int16_t* limits) {
    std::uint64_t word = 0;
    for (int half = 0; half < 2; ++half) {
        const auto* count = reinterpret_cast<const __m256i*>(counts + half * 32);
        const auto* limit = reinterpret_cast<const __m256i*>(limits + half * 32);
        const __m256i even = _mm256_cmpgt_epi16(limit[0], count[0]);
        const __m256i odd = _mm256_cmpgt_epi16(limit[1], count[1]);
        const __m256i bytes = _mm256_blendv_epi8(odd, even, _mm256_set1_epi16(255));
        word |= std::uint64_t{static_cast<std::uint32_t>(_mm256_movemask_epi8(bytes))} << (half * 32);
    }
    return word;
}

}  // namespace bnn::avx2
#endif
