// A single output position: linear layers of pixels. The window is one long row of pixels, and a byte
// of the weights of a channel has the signs of eight of them. Each four pixels have two tables: the
// lower five bits, and the others, of the sum of those pixels that one of 16 nibbles selects. A shuffle
// looks up 32 channels at once. For 32 bytes of weights: 4 shuffles, 4 additions, two `and` and one
// shift, 11 instructions for 256 multiply-adds, and 6 more for every four of these.
#if defined(__x86_64__)
#include <algorithm>
#include <limits>
#include <numeric>

#include "kernels/aligned.h"
#include "kernels/avx2.h"
#include "kernels/conv_u8/contract.h"

namespace bnn {
namespace {

constexpr int block_channels = 64, vector_channels = 32;
constexpr int byte_pixels = 8;
// The tables of a byte: two for each of its nibbles.
constexpr int table_bytes = 16, byte_tables = 4 * table_bytes;
// How far ahead weights are fetched, in bytes.
constexpr int prefetch_distance = 2048;
// A nibble adds 31 at most to each of two bytes: 8 of them reach 248.
constexpr int bytes_per_flush = 4;
// The sum of four pixels is 1020 at most: 64 of them reach 65280.
constexpr int bytes_per_widening = 32;

// Writes the tables of pixels, whose number is a multiple of four.
BNN_AVX2 void write_tables(const std::uint8_t* pixels, int count, std::uint8_t* tables) {
    const __m256i weights = _mm256_setr_epi16(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    for (const std::uint8_t* end = pixels + count; pixels != end;
         pixels += 4, tables += 2 * table_bytes) {
        __m256i sums = _mm256_setzero_si256();
        for (int k = 0; k < 4; ++k) {
            const __m256i bit = _mm256_set1_epi16(static_cast<std::int16_t>(1 << k));
            const __m256i selected = _mm256_cmpeq_epi16(_mm256_and_si256(weights, bit), bit);
            sums = _mm256_add_epi16(sums, _mm256_and_si256(selected, _mm256_set1_epi16(pixels[k])));
        }
        const __m256i both = _mm256_packus_epi16(_mm256_and_si256(sums, _mm256_set1_epi16(31)),
                                                 _mm256_srli_epi16(sums, 5));
        _mm256_store_si256(reinterpret_cast<__m256i*>(tables),
                           _mm256_permute4x64_epi64(both, 0b11011000));
    }
}

BNN_AVX2 inline __m256i look_up(const std::uint8_t* table, __m256i nibbles) {
    return _mm256_shuffle_epi8(
        _mm256_broadcastsi128_si256(_mm_load_si128(reinterpret_cast<const __m128i*>(table))),
        nibbles);
}

// Sums of selected pixels for 32 channels: their lower five bits, and the others.
struct Bytes {
    __m256i lower, upper;

    BNN_AVX2 inline void add(const std::uint8_t* tables, __m256i weights) {
        const __m256i low = _mm256_set1_epi8(15);
        const __m256i first = _mm256_and_si256(weights, low);
        const __m256i second = _mm256_and_si256(_mm256_srli_epi16(weights, 4), low);
        add_u8_to(lower, look_up(tables, first));
        add_u8_to(upper, look_up(tables + table_bytes, first));
        add_u8_to(lower, look_up(tables + 2 * table_bytes, second));
        add_u8_to(upper, look_up(tables + 3 * table_bytes, second));
    }
};

// The same as whole numbers of 16 bits: the lower eight channels of every sixteen, then the upper ones.
struct Halves {
    __m256i first, second;

    BNN_AVX2 inline void add(const Bytes& bytes) {
        const __m256i worth = _mm256_set1_epi16(1 | 32 << 8);
        add_u16_to(first, _mm256_maddubs_epi16(_mm256_unpacklo_epi8(bytes.lower, bytes.upper), worth));
        add_u16_to(second,
                   _mm256_maddubs_epi16(_mm256_unpackhi_epi8(bytes.lower, bytes.upper), worth));
    }
    BNN_AVX2 inline void store(std::uint16_t* to) const {
        _mm256_store_si256(reinterpret_cast<__m256i*>(to), first);
        _mm256_store_si256(reinterpret_cast<__m256i*>(to + 16), second);
    }
    static constexpr int place(int channel) {
        return channel / 32 * 32 + channel / 8 % 2 * 16 + channel / 16 % 2 * 8 + channel % 8;
    }
};

// The sums of selected pixels for some bytes of the weights of a block: [byte][32 channels of each
// vector].
template <int vectors>
BNN_AVX2 void add_block(const std::uint8_t* tables, const std::uint8_t* weights, int bytes,
                        std::uint16_t* sums) {
    const __m256i zero = _mm256_setzero_si256();
    Halves halves0{zero, zero}, halves1 = halves0;
    for (int start = 0; start < bytes; start += bytes_per_flush) {
        Bytes bytes0{zero, zero}, bytes1 = bytes0;
        for (int left = std::min(bytes_per_flush, bytes - start); left > 0; --left) {
            const auto* channels = reinterpret_cast<const __m256i*>(weights);
            bytes0.add(tables, _mm256_load_si256(channels));
            if constexpr (vectors == 2) bytes1.add(tables, _mm256_load_si256(channels + 1));
            tables += byte_tables, weights += vectors * vector_channels;
            __builtin_prefetch(weights + prefetch_distance);
        }
        halves0.add(bytes0);
        if constexpr (vectors == 2) halves1.add(bytes1);
    }
    halves0.store(sums);
    halves1.store(sums + vector_channels);
}

// Adds the selected pixels twice.
BNN_AVX2 void add_twice(const std::uint16_t* sums, std::int32_t* plain) {
    for (int first = 0; first < block_channels; first += 8) {
        auto* to = reinterpret_cast<__m256i*>(plain + first);
        const __m256i eight = _mm256_cvtepu16_epi32(_mm_load_si128(
            reinterpret_cast<const __m128i*>(sums + Halves::place(first))));
        *to = _mm256_add_epi32(*to, _mm256_slli_epi32(eight, 1));
    }
}

class SingleU8Avx2 final : public ConvU8 {
public:
    explicit SingleU8Avx2(const ConvU8Spec& spec)
        : geometry_(spec.geometry), multiplier_(spec.multiplier), rule_(spec) {
        const int channels = geometry_.out_channels;
        weights_.resize(block_bytes() * words_for(channels));
        for (int channel = 0; channel < channels; ++channel) {
            const int block = channel / block_channels, width = vectors_of(block) * vector_channels;
            const std::int8_t* from = rule_.weight.data() + static_cast<std::size_t>(channel) * pixels();
            std::uint8_t* to = weights_.data() + block * block_bytes() + channel % block_channels;
            for (int pixel = 0; pixel < pixels(); ++pixel)
                to[pixel / byte_pixels * width] |=
                    static_cast<std::uint8_t>((from[pixel] > 0) << pixel % byte_pixels);
        }
        // After the last channel no bit is set.
        limits_.resize(static_cast<std::size_t>(words_for(channels)) * block_channels);
        std::fill_n(limits_.data(), words_for(channels) * block_channels,
                    std::numeric_limits<std::int32_t>::max());
        std::ranges::copy(rule_.limit, limits_.data());
    }

    static bool takes(const ConvU8Spec& spec) {
        return spec.geometry.groups == 1 && spec.geometry.out_height * spec.geometry.out_width == 1;
    }

    // Dot products of bytes are faster.
    bool suits_groups(const std::string& isa) const override { return isa != "avx512vpopcntdq"; }

    std::size_t scratch_bytes() const override {
        return static_cast<std::size_t>(bytes()) * (byte_tables + byte_pixels);
    }

    void run(const std::uint8_t* input, const Region& region, const ConvOutput& output,
             void* scratch) const override {
        // Threads beyond the number of blocks get no row.
        if (region.row == region.row_end) return;
        auto* tables = static_cast<std::uint8_t*>(scratch);
        std::uint8_t* window = tables + bytes() * byte_tables;
        const int total = copy_window(input, window);
        write_tables(window, bytes() * byte_pixels, tables);
        for (int block = region.block; block < region.block_end; ++block)
            run_block(tables, total, block, output);
    }

private:
    int pixels() const { return geometry_.taps() * geometry_.in_channels; }
    int bytes() const { return (pixels() + byte_pixels - 1) / byte_pixels; }
    std::size_t block_bytes() const { return static_cast<std::size_t>(bytes()) * block_channels; }
    // The last block may need only one.
    int vectors_of(int block) const {
        return geometry_.out_channels - block * block_channels > vector_channels ? 2 : 1;
    }

    // Returns the sum of the window's pixels. Zeros fill up the last byte of weights.
    int copy_window(const std::uint8_t* input, std::uint8_t* window) const {
        const Geometry& g = geometry_;
        const int taps = g.dilation_x == 1 ? g.kernel_width : 1;
        std::uint8_t* to = window;
        for (int i = 0; i < g.kernel_height; ++i)
            for (int j = 0; j < g.kernel_width; j += taps)
                to = std::copy_n(input + i * g.dilation_y * g.row_stride +
                                     static_cast<std::ptrdiff_t>(j) * g.dilation_x * g.in_channels,
                                 taps * g.in_channels, to);
        std::fill(to, window + bytes() * byte_pixels, 0);
        return std::accumulate(window, to, 0);
    }

    void run_block(const std::uint8_t* tables, int total, int block,
                   const ConvOutput& output) const {
        const std::uint8_t* weights = weights_.data() + block * block_bytes();
        const std::ptrdiff_t vectors = vectors_of(block);
        const auto add = vectors == 2 ? add_block<2> : add_block<1>;
        // Weights of +1 and -1 give the selected pixels twice, less all.
        alignas(64) std::int32_t plain[block_channels];
        std::fill_n(plain, block_channels, -total);
        for (std::ptrdiff_t start = 0; start < bytes(); start += bytes_per_widening) {
            alignas(64) std::uint16_t sums[block_channels];
            add(tables + start * byte_tables, weights + start * vectors * vector_channels,
                std::min(bytes_per_widening, bytes() - static_cast<int>(start)), sums);
            add_twice(sums, plain);
        }
        const int first = block * block_channels;
        if (output.sums == nullptr) {
            output.bits[block] = greater_i32x64(plain, limits_.data() + first);
            return;
        }
        for (int channel = first;
             channel < std::min(first + block_channels, geometry_.out_channels); ++channel)
            output.sums[channel] = multiplier_ * plain[channel - first] + rule_.added[channel];
    }

    Geometry geometry_;
    int multiplier_;
    PixelRule rule_;
    AlignedVector<std::uint8_t> weights_;  // [block][byte][channels of its vectors]
    AlignedVector<std::int32_t> limits_;
};

std::unique_ptr<ConvU8> make(const ConvU8Spec& spec) {
    if (!SingleU8Avx2::takes(spec)) return nullptr;
    return std::make_unique<SingleU8Avx2>(spec);
}

[[maybe_unused]] const bool registered = ConvU8Table::add("avx2", make);

}  // namespace
}  // namespace bnn
#endif
