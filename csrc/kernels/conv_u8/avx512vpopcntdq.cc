// Four taps of 16 channels by one dot product of bytes, added to sums of 32 bits.
//
// A tile of 4 positions by 64 channels keeps 16 sums in registers. The dot products are the bound: the
// processors seen so far start one or two in a cycle.
#include "kernels/avx512.h"
#if BNN_HAS_AVX512
#include "kernels/conv_u8/broadcast.h"

namespace bnn {
namespace {

constexpr int vectors = 4;

struct Tile {
    static constexpr int positions = 4;
    static constexpr int channels = 16 * vectors;
    static constexpr int step_taps = 4;

    BNN_AVX512_VPOPCNTDQ static std::array<std::uint64_t, positions> bits(
        const PixelWindow<positions>& window, const PixelLimits<positions>& limits) {
        const Totals totals = total(window);
        std::array<std::uint64_t, positions> words{};
        for (int k = 0; k < positions; ++k)
            for (int v = 0; v < vectors; ++v)
                words[k] |= std::uint64_t{_mm512_cmpgt_epi32_mask(
                                totals.at[k][v], _mm512_load_si512(limits[k] + v * 16))}
                            << (v * 16);
        return words;
    }

    BNN_AVX512_VPOPCNTDQ static void sums(const PixelWindow<positions>& window,
                                          std::int32_t* sums) {
        const Totals totals = total(window);
        for (int k = 0; k < positions; ++k)
            for (int v = 0; v < vectors; ++v)
                _mm512_store_si512(sums + k * channels + v * 16, totals.at[k][v]);
    }

private:
    struct Totals {
        __m512i at[positions][vectors];
    };

    BNN_AVX512_VPOPCNTDQ static inline Totals total(const PixelWindow<positions>& window) {
        Totals totals;
        for (int k = 0; k < positions; ++k)
            for (int v = 0; v < vectors; ++v) totals.at[k][v] = _mm512_setzero_si512();
        const std::int8_t* weights = window.weights;
        for (int step = 0; step < window.steps; ++step, weights += 64 * vectors)
            for (int k = 0; k < positions; ++k)
                for (int v = 0; v < vectors; ++v)
                    totals.at[k][v] = _mm512_dpbusd_epi32(
                        totals.at[k][v], four_pixels(window.pixels[k] + window.offsets[step]),
                        _mm512_load_si512(weights + 64 * v));
        return totals;
    }

    BNN_AVX512_VPOPCNTDQ static inline __m512i four_pixels(const std::uint8_t* pixels) {
        std::int32_t four;
        std::memcpy(&four, pixels, sizeof four);
        return _mm512_set1_epi32(four);
    }
};

// For a single position, reading weights of a byte takes longer than the look-ups of AVX2.
std::unique_ptr<ConvU8> make(const ConvU8Spec& spec) {
    if (spec.geometry.out_height * spec.geometry.out_width == 1) return nullptr;
    return ConvU8Broadcast<Tile>::make(spec);
}

[[maybe_unused]] const bool registered = ConvU8Table::add("avx512vpopcntdq", make);

}  // namespace
}  // namespace bnn
#endif
