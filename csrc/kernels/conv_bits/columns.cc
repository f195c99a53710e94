#include "kernels/conv_bits/columns.h"

#include <algorithm>

#include "kernels/bits.h"

namespace bnn {
void Columns::pack(const std::uint64_t* input, int group, std::uint64_t* to) const {
    const Geometry& g = geometry_;
    const int channels = g.group_channels(), first = group * channels;
    if (bits() > 64) return pack_words(input, group, to);
    const int pixel_words = words_for(g.in_channels);
    // Row by row, so that the compiler handles several columns at once.
    for (int i = 0; i < g.kernel_height; ++i) {
        const std::uint64_t* row = input + i * g.dilation_y * g.row_stride + first / 64;
        const int shift = first % 64, place = i * channels;
        const std::uint64_t mask = channels == 64 ? ~std::uint64_t{0}
                                                  : (std::uint64_t{1} << channels) - 1;
        if (shift + channels > 64) {
            for (int x = 0; x < count(); ++x) {
                const std::uint64_t bits = bits_at(row + x * pixel_words, shift, channels) << place;
                to[x] = i == 0 ? bits : to[x] | bits;
            }
        } else if (i == 0) {
            for (int x = 0; x < count(); ++x) to[x] = row[x * pixel_words] >> shift & mask;
        } else {
            for (int x = 0; x < count(); ++x)
                to[x] |= (row[x * pixel_words] >> shift & mask) << place;
        }
    }
}

void Columns::pack_words(const std::uint64_t* input, int group, std::uint64_t* to) const {
    const Geometry& g = geometry_;
    const int channels = g.group_channels(), pixel_words = words_for(g.in_channels);
    std::fill_n(to, static_cast<std::size_t>(count()) * words(), 0);
    for (int x = 0; x < count(); ++x, to += words()) {
        for (int i = 0, place = 0; i < g.kernel_height; ++i) {
            const std::uint64_t* pixel = input + i * g.dilation_y * g.row_stride +
                                         static_cast<std::ptrdiff_t>(x) * pixel_words;
            for (int bit = 0; bit < channels; bit += 64) {
                const int some = std::min(64, channels - bit), shift = place % 64;
                const std::uint64_t bits = bits_at(pixel, group * channels + bit, some);
                to[place / 64] |= bits << shift;
                if (shift + some > 64) to[place / 64 + 1] |= bits >> (64 - shift);
                place += some;
            }
        }
    }
}

}  // namespace bnn
