// A single output position: linear layers. The window is one long row of words. The weights of each
// channel are compared with it, 256 bits at a time. Weights are read once. Where they come from L2
// or further away, their bandwidth is the bound.
#if defined(__x86_64__)
#include <algorithm>
#include <array>
#include <cstring>

#include "kernels/aligned.h"
#include "kernels/avx2.h"
#include "kernels/conv_bits/contract.h"

namespace bnn {
namespace {

constexpr int vector_words = 4;
constexpr int block_channels = 64;
// Channels that share the loads of the window.
constexpr int tile_channels = 4;
// A vector adds 8 at most to a byte: 31 of them reach 248.
constexpr int vectors_per_flush = 31;

BNN_AVX2 inline __m256i ones_of_bytes(__m256i bits) {
    const __m256i ones_of = _mm256_setr_epi8(0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4,  //
                                             0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4);
    const __m256i low = _mm256_set1_epi8(15);
    return _mm256_add_epi8(
        _mm256_shuffle_epi8(ones_of, _mm256_and_si256(bits, low)),
        _mm256_shuffle_epi8(ones_of, _mm256_and_si256(_mm256_srli_epi16(bits, 4), low)));
}

BNN_AVX2 inline int sum_of(__m256i fours) {
    alignas(32) std::array<std::int64_t, 4> parts;
    _mm256_store_si256(reinterpret_cast<__m256i*>(parts.data()), fours);
    return static_cast<int>(parts[0] + parts[1] + parts[2] + parts[3]);
}

// Differing bits of the window and of each of 4 rows of weights.
BNN_AVX2 std::array<int, tile_channels> count_tile(const __m256i* window, const __m256i* weights,
                                                   int vectors) {
    const __m256i zero = _mm256_setzero_si256();
    __m256i totals[tile_channels] = {zero, zero, zero, zero};
    for (int start = 0; start < vectors; start += vectors_per_flush) {
        __m256i bytes[tile_channels] = {zero, zero, zero, zero};
        const int end = std::min(start + vectors_per_flush, vectors);
        for (int k = start; k < end; ++k) {
            const __m256i seen = _mm256_load_si256(window + k);
            for (int row = 0; row < tile_channels; ++row) {
                const __m256i weight = _mm256_load_si256(weights + row * vectors + k);
                bytes[row] =
                    _mm256_add_epi8(bytes[row], ones_of_bytes(_mm256_xor_si256(seen, weight)));
            }
        }
        for (int row = 0; row < tile_channels; ++row)
            totals[row] = _mm256_add_epi64(totals[row], _mm256_sad_epu8(bytes[row], zero));
    }
    return {sum_of(totals[0]), sum_of(totals[1]), sum_of(totals[2]), sum_of(totals[3])};
}

class SingleBitsAvx2 final : public ConvBits {
public:
    explicit SingleBitsAvx2(const ConvBitsSpec& spec)
        : geometry_(spec.geometry),
          rule_(spec),
          words_(geometry_.taps() * geometry_.group_words()),
          vectors_((words_ + vector_words - 1) / vector_words) {
        const std::size_t row = static_cast<std::size_t>(vectors_) * vector_words;
        weights_.resize(row * words_for(geometry_.out_channels) * block_channels);
        for (int channel = 0; channel < geometry_.out_channels; ++channel)
            std::copy_n(rule_.weight.data() + static_cast<std::size_t>(channel) * words_, words_,
                        weights_.data() + channel * row);
    }

    static bool takes(const ConvBitsSpec& spec) {
        return spec.geometry.groups == 1 && spec.geometry.out_height * spec.geometry.out_width == 1;
    }

    std::size_t scratch_bytes() const override { return vectors_ * sizeof(__m256i); }

    void run(const std::uint64_t* input, const Region& region, const ConvOutput& output,
             void* scratch) const override {
        // Threads beyond the number of blocks get no row.
        if (region.row == region.row_end) return;
        auto* window = static_cast<std::uint64_t*>(scratch);
        gather(input, window);
        for (int block = region.block; block < region.block_end; ++block)
            run_block(reinterpret_cast<const __m256i*>(window), block, output);
    }

private:
    void gather(const std::uint64_t* input, std::uint64_t* window) const {
        const Geometry& g = geometry_;
        std::memset(window, 0, scratch_bytes());
        for (int i = 0; i < g.kernel_height; ++i)
            for (int j = 0; j < g.kernel_width; ++j, window += g.group_words())
                std::copy_n(input + i * g.dilation_y * g.row_stride +
                                static_cast<std::ptrdiff_t>(j) * g.dilation_x * g.group_words(),
                            g.group_words(), window);
    }

    void run_block(const __m256i* window, int block, const ConvOutput& output) const {
        std::uint64_t word = 0;
        const int first = block * block_channels;
        const int end = std::min(first + block_channels, geometry_.out_channels);
        const auto* weights = reinterpret_cast<const __m256i*>(weights_.data());
        for (int tile = first; tile < end; tile += tile_channels) {
            const auto counts = count_tile(
                window, weights + static_cast<std::size_t>(tile) * vectors_, vectors_);
            for (int channel = tile; channel < std::min(tile + tile_channels, end); ++channel) {
                const int count = counts[channel - tile];
                if (output.sums != nullptr)
                    output.sums[channel] = rule_.sum_at_zero[channel] - 2 * count;
                else
                    word |= std::uint64_t{count < rule_.limit[channel]} << (channel - first);
            }
        }
        if (output.sums == nullptr) output.bits[block] = word;
    }

    Geometry geometry_;
    CountRule rule_;
    int words_, vectors_;
    AlignedVector<std::uint64_t> weights_;
};

std::unique_ptr<ConvBits> make(const ConvBitsSpec& spec) {
    if (!SingleBitsAvx2::takes(spec)) return nullptr;
    return std::make_unique<SingleBitsAvx2>(spec);
}

[[maybe_unused]] const bool registered = ConvBitsTable::add("avx2", make);

}  // namespace
}  // namespace bnn
#endif
