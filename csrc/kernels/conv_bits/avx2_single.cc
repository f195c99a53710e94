// A single output position: linear layers. The window is one long row of bytes. Each of its nibbles has
// a table: how many bits differ from each of the 16 nibbles that the weights of a channel may have. A
// shuffle looks up 32 channels at once. For 32 bytes of weights: 2 shuffles, 2 additions, two `and` and
// one shift, 7 instructions for 256 binary multiply-adds. Weights are read once, in order. Where they
// come from L2 or further away, their bandwidth is the bound.
#if defined(__x86_64__)
#include <algorithm>
#include <array>
#include <bit>
#include <cstring>

#include "kernels/aligned.h"
#include "kernels/avx2.h"
#include "kernels/conv_bits/contract.h"

namespace bnn {
namespace {

constexpr int block_channels = 64, vector_channels = 32;
// The tables of a byte of the window: those of its lower and of its upper nibble.
constexpr int table_bytes = 16, byte_tables = 2 * table_bytes;
// How far ahead weights are fetched, in bytes. Where memory holds them, this saves a tenth to a quarter
// of the time.
constexpr int prefetch_distance = 2048;
// A byte of the window adds 8 at most to a count: 31 of them reach 248.
constexpr int bytes_per_flush = 31;
// A flush adds 248 at most to a 16-bit count: 264 of them reach 65472.
constexpr int bytes_per_widening = 264 * bytes_per_flush;

// The table of each nibble.
struct Tables {
    alignas(64) std::array<std::array<std::uint8_t, table_bytes>, 16> of;

    constexpr Tables() : of() {
        for (unsigned seen = 0; seen < 16; ++seen)
            for (unsigned weight = 0; weight < 16; ++weight)
                of[seen][weight] = static_cast<std::uint8_t>(std::popcount(seen ^ weight));
    }
};

constexpr Tables table;

// Writes the tables of words of the window; returns the end of what is written.
std::uint8_t* write_tables(const std::uint64_t* words, int count, std::uint8_t* to) {
    for (int word = 0; word < count; ++word)
        for (int shift = 0; shift < 64; shift += 4, to += table_bytes)
            std::memcpy(to, table.of[words[word] >> shift & 15].data(), table_bytes);
    return to;
}

BNN_AVX2 inline __m256i table_at(const std::uint8_t* table) {
    return _mm256_broadcastsi128_si256(_mm_load_si128(reinterpret_cast<const __m128i*>(table)));
}

BNN_AVX2 inline void add_byte(__m256i weights, __m256i lower, __m256i upper, __m256i& counts) {
    const __m256i low = _mm256_set1_epi8(15);
    add_u8_to(counts, _mm256_shuffle_epi8(lower, _mm256_and_si256(weights, low)));
    add_u8_to(counts, _mm256_shuffle_epi8(
                          upper, _mm256_and_si256(_mm256_srli_epi16(weights, 4), low)));
}

// The counts of 32 channels, in their order.
struct Counts {
    __m256i halves[2];

    BNN_AVX2 inline void add(__m256i bytes) {
        add_u16_to(halves[0], _mm256_cvtepu8_epi16(_mm256_castsi256_si128(bytes)));
        add_u16_to(halves[1], _mm256_cvtepu8_epi16(_mm256_extracti128_si256(bytes, 1)));
    }
    BNN_AVX2 inline void store(std::uint16_t* to) const {
        _mm256_store_si256(reinterpret_cast<__m256i*>(to), halves[0]);
        _mm256_store_si256(reinterpret_cast<__m256i*>(to + 16), halves[1]);
    }
};

// Differing bits of some bytes of the window and of the weights of a block: [byte][32 channels of each
// vector].
template <int vectors>
BNN_AVX2 void count_block(const std::uint8_t* tables, const std::uint8_t* weights, int bytes,
                          std::uint16_t* counts) {
    const __m256i zero = _mm256_setzero_si256();
    Counts total0{{zero, zero}}, total1 = total0;
    for (int start = 0; start < bytes; start += bytes_per_flush) {
        __m256i bytes0 = zero, bytes1 = zero;
        for (int left = std::min(bytes_per_flush, bytes - start); left > 0; --left) {
            const auto* channels = reinterpret_cast<const __m256i*>(weights);
            const __m256i lower = table_at(tables), upper = table_at(tables + table_bytes);
            add_byte(_mm256_load_si256(channels), lower, upper, bytes0);
            if constexpr (vectors == 2) add_byte(_mm256_load_si256(channels + 1), lower, upper, bytes1);
            tables += byte_tables, weights += vectors * vector_channels;
            __builtin_prefetch(weights + prefetch_distance);
        }
        total0.add(bytes0);
        if constexpr (vectors == 2) total1.add(bytes1);
    }
    total0.store(counts);
    total1.store(counts + vector_channels);
}

class SingleBitsAvx2 final : public ConvBits {
public:
    explicit SingleBitsAvx2(const ConvBitsSpec& spec)
        : geometry_(spec.geometry),
          rule_(spec),
          bytes_(geometry_.taps() * geometry_.group_words() * 8) {
        const int channels = geometry_.out_channels;
        weights_.resize(block_bytes() * words_for(channels));
        for (int channel = 0; channel < channels; ++channel) {
            const int block = channel / block_channels, width = vectors_of(block) * vector_channels;
            const std::uint64_t* from =
                rule_.weight.data() + static_cast<std::size_t>(channel) * bytes_ / 8;
            std::uint8_t* to = weights_.data() + block * block_bytes() + channel % block_channels;
            for (int byte = 0; byte < bytes_; ++byte, to += width)
                *to = static_cast<std::uint8_t>(from[byte / 8] >> (byte % 8 * 8));
        }
        limits_.resize(static_cast<std::size_t>(words_for(channels)) * block_channels);
        std::ranges::copy(rule_.limit, limits_.data());
    }

    static bool takes(const ConvBitsSpec& spec) {
        return spec.geometry.groups == 1 && spec.geometry.out_height * spec.geometry.out_width == 1;
    }

    // Kernels for maps refuse more terms.
    bool suits_groups(const std::string&) const override {
        return rule_.terms > most_shuffle_terms;
    }

    std::size_t scratch_bytes() const override {
        return static_cast<std::size_t>(bytes_) * byte_tables;
    }

    void run(const std::uint64_t* input, const Region& region, const ConvOutput& output,
             void* scratch) const override {
        // Threads beyond the number of blocks get no row.
        if (region.row == region.row_end) return;
        auto* tables = static_cast<std::uint8_t*>(scratch);
        write_window(input, tables);
        for (int block = region.block; block < region.block_end; ++block)
            run_block(tables, block, output);
    }

private:
    std::size_t block_bytes() const { return static_cast<std::size_t>(bytes_) * block_channels; }
    // The last block may need only one.
    int vectors_of(int block) const {
        return geometry_.out_channels - block * block_channels > vector_channels ? 2 : 1;
    }

    void write_window(const std::uint64_t* input, std::uint8_t* tables) const {
        const Geometry& g = geometry_;
        for (int i = 0; i < g.kernel_height; ++i)
            for (int j = 0; j < g.kernel_width; ++j)
                tables = write_tables(input + i * g.dilation_y * g.row_stride +
                                          static_cast<std::ptrdiff_t>(j) * g.dilation_x *
                                              g.group_words(),
                                      g.group_words(), tables);
    }

    void run_block(const std::uint8_t* tables, int block, const ConvOutput& output) const {
        const std::uint8_t* weights = weights_.data() + block * block_bytes();
        const std::ptrdiff_t vectors = vectors_of(block);
        const auto count = vectors == 2 ? count_block<2> : count_block<1>;
        alignas(64) std::int32_t counts[block_channels] = {};
        for (std::ptrdiff_t start = 0; start < bytes_; start += bytes_per_widening) {
            alignas(64) std::uint16_t some[block_channels];
            count(tables + start * byte_tables, weights + start * vectors * vector_channels,
                  std::min(bytes_per_widening, bytes_ - static_cast<int>(start)), some);
            for (int k = 0; k < block_channels; ++k) counts[k] += some[k];
        }
        const int first = block * block_channels;
        if (output.sums == nullptr) {
            output.bits[block] = greater_i32x64(limits_.data() + first, counts);
            return;
        }
        for (int channel = first;
             channel < std::min(first + block_channels, geometry_.out_channels); ++channel)
            output.sums[channel] = rule_.sum_at_zero[channel] - 2 * counts[channel - first];
    }

    Geometry geometry_;
    CountRule rule_;
    int bytes_;  // of the window
    AlignedVector<std::uint8_t> weights_;  // [block][byte][channels of its vectors]
    AlignedVector<std::int32_t> limits_;
};

std::unique_ptr<ConvBits> make(const ConvBitsSpec& spec) {
    if (!SingleBitsAvx2::takes(spec)) return nullptr;
    return std::make_unique<SingleBitsAvx2>(spec);
}

[[maybe_unused]] const bool registered = ConvBitsTable::add("avx2", make);

}  // namespace
}  // namespace bnn
#endif
