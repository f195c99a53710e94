#include <algorithm>
#include <bit>

#include "kernels/conv_bits/contract.h"

namespace bnn {
namespace {

std::int64_t ceil_half(std::int64_t value) { return (value >> 1) + (value & 1); }

bool is_below(const ConvBitsSpec& spec, int channel) {
    return spec.thresholds != nullptr &&
           (spec.thresholds->below[channel / 64] >> (channel % 64) & 1) != 0;
}

// The number of set weight bits of one channel at the taps that a class has in the padding.
int padded_ones(const ConvBitsSpec& spec, const BorderClasses& classes, int border_class,
                int channel) {
    const Geometry& g = spec.geometry;
    const std::uint64_t* weight =
        spec.weight + static_cast<std::size_t>(channel) * g.taps() * g.group_words();
    int ones = 0;
    for (int i = 0; i < g.kernel_height; ++i) {
        for (int j = 0; j < g.kernel_width; ++j, weight += g.group_words()) {
            if (classes.inside(border_class, i, j)) continue;
            for (int word = 0; word < g.group_words(); ++word) ones += std::popcount(weight[word]);
        }
    }
    return ones;
}

int padded_terms(const Geometry& g, const BorderClasses& classes, int border_class) {
    int taps = 0;
    for (int i = 0; i < g.kernel_height; ++i)
        for (int j = 0; j < g.kernel_width; ++j) taps += !classes.inside(border_class, i, j);
    return taps * g.group_channels();
}

// A threshold on the sum, as a limit on the count. In channels with `below` the weights are
// complemented, so the count becomes terms - count.
std::int32_t limit_for(std::int64_t terms, std::int64_t at_zero, std::int64_t threshold,
                       bool below) {
    // sum > t  <=>  count < (at_zero - t) / 2;   sum < t  <=>  terms - count < terms - (at_zero - t) / 2
    const std::int64_t limit = below ? ceil_half(2 * terms - at_zero + threshold)
                                     : ceil_half(at_zero - threshold);
    return static_cast<std::int32_t>(std::clamp<std::int64_t>(limit, 0, terms + 1));
}

std::vector<std::uint64_t> complemented(const ConvBitsSpec& spec) {
    const Geometry& g = spec.geometry;
    const int words = g.group_words(), tail = g.group_channels() % 64;
    const std::size_t size = static_cast<std::size_t>(g.taps()) * words;
    std::vector<std::uint64_t> weight(spec.weight, spec.weight + size * g.out_channels);
    for (int channel = 0; channel < g.out_channels; ++channel) {
        if (!is_below(spec, channel)) continue;
        for (std::size_t k = 0; k < size; ++k) {
            const bool last = static_cast<int>(k % words) == words - 1;
            const std::uint64_t used = last && tail ? (std::uint64_t{1} << tail) - 1 : ~std::uint64_t{0};
            weight[channel * size + k] ^= used;
        }
    }
    return weight;
}

}  // namespace

CountRule::CountRule(const ConvBitsSpec& spec)
    : classes(spec.geometry),
      terms(spec.geometry.taps() * spec.geometry.group_channels()),
      weight(complemented(spec)) {
    const int channels = spec.geometry.out_channels;
    sum_at_zero.resize(static_cast<std::size_t>(classes.count()) * channels);
    limit.resize(spec.thresholds ? sum_at_zero.size() : 0);
    for (int border_class = 0; border_class < classes.count(); ++border_class) {
        const int padded = padded_terms(spec.geometry, classes, border_class);
        for (int channel = 0; channel < channels; ++channel) {
            const int ones = padded_ones(spec, classes, border_class, channel);
            const int at_zero = terms + (spec.padding_value + 1) * (2 * ones - padded);
            const std::size_t place = static_cast<std::size_t>(border_class) * channels + channel;
            sum_at_zero[place] = at_zero;
            if (spec.thresholds) {
                limit[place] = limit_for(terms, at_zero, spec.thresholds->value[channel],
                                         is_below(spec, channel));
            }
        }
    }
}

}  // namespace bnn
