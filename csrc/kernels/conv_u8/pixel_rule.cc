#include <algorithm>
#include <limits>

#include "kernels/conv_u8/contract.h"

namespace bnn {
namespace {

std::int64_t floor_divide(std::int64_t value, std::int64_t by) {
    return value / by - (value % by < 0);
}

bool is_below(const ConvU8Spec& spec, int channel) {
    return spec.thresholds != nullptr &&
           (spec.thresholds->below[channel / 64] >> (channel % 64) & 1) != 0;
}

std::vector<std::int8_t> signs(const ConvU8Spec& spec) {
    const Geometry& g = spec.geometry;
    const int channels = g.group_channels(), words = g.group_words();
    std::vector<std::int8_t> weight;
    weight.reserve(static_cast<std::size_t>(g.out_channels) * g.taps() * channels);
    for (int row = 0; row < g.out_channels * g.taps(); ++row) {
        const std::uint64_t* from = spec.weight + static_cast<std::size_t>(row) * words;
        for (int c = 0; c < channels; ++c) weight.push_back(from[c / 64] >> (c % 64) & 1 ? 1 : -1);
    }
    return weight;
}

// The sum of one channel's weights at the taps that a class has inside the map.
std::int64_t inside_sum(const Geometry& g, const BorderClasses& classes, int border_class,
                        const std::int8_t* weight) {
    std::int64_t sum = 0;
    for (int i = 0; i < g.kernel_height; ++i) {
        for (int j = 0; j < g.kernel_width; ++j, weight += g.group_channels()) {
            if (!classes.inside(border_class, i, j)) continue;
            for (int c = 0; c < g.group_channels(); ++c) sum += weight[c];
        }
    }
    return sum;
}

// sum > t  <=>  plain > floor((t - added) / m);   sum < t  <=>  -plain > floor((added - t) / m)
std::int32_t limit_for(std::int64_t added, std::int64_t threshold, int multiplier, bool below) {
    const std::int64_t limit =
        floor_divide(below ? added - threshold : threshold - added, multiplier);
    using Ends = std::numeric_limits<std::int32_t>;
    return static_cast<std::int32_t>(std::clamp<std::int64_t>(limit, Ends::min(), Ends::max()));
}

}  // namespace

PixelRule::PixelRule(const ConvU8Spec& spec) : classes(spec.geometry), weight(signs(spec)) {
    const Geometry& g = spec.geometry;
    const std::size_t size = static_cast<std::size_t>(g.taps()) * g.group_channels();
    added.resize(static_cast<std::size_t>(classes.count()) * g.out_channels);
    limit.resize(spec.thresholds ? added.size() : 0);
    for (int border_class = 0; border_class < classes.count(); ++border_class) {
        for (int channel = 0; channel < g.out_channels; ++channel) {
            const std::int64_t sum =
                spec.offset * inside_sum(g, classes, border_class, weight.data() + channel * size);
            const std::size_t place = static_cast<std::size_t>(border_class) * g.out_channels + channel;
            added[place] = static_cast<std::int32_t>(sum);
            if (spec.thresholds) {
                limit[place] = limit_for(sum, spec.thresholds->value[channel], spec.multiplier,
                                         is_below(spec, channel));
            }
        }
    }
    for (int channel = 0; channel < g.out_channels; ++channel) {
        if (!is_below(spec, channel)) continue;
        for (std::size_t k = 0; k < size; ++k) weight[channel * size + k] *= -1;
    }
}

}  // namespace bnn
