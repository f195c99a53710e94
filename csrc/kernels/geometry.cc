#include "kernels/geometry.h"

#include <algorithm>
#include <map>

namespace bnn {
namespace {

// Which of `taps` taps are inside the map, where tap 0 is at `start`.
Taps taps_inside(int start, int taps, int dilation, int size) {
    // The first tap that is not before a place.
    const auto from = [&](int place) {
        return std::clamp((place - start + dilation - 1) / dilation, 0, taps);
    };
    const int first = start >= 0 ? 0 : from(0), end = start >= size ? 0 : from(size);
    return first < end ? Taps{first, end} : Taps{0, 0};
}

// For each output position, the index of its pattern of taps inside the map.
std::vector<int> classify(int positions, int taps, int stride, int dilation, int before, int size,
                          std::vector<Taps>& patterns) {
    std::vector<int> classes(positions);
    std::map<Taps, int> known;
    for (int position = 0; position < positions; ++position) {
        const Taps inside = taps_inside(position * stride - before, taps, dilation, size);
        const auto [found, is_new] = known.emplace(inside, static_cast<int>(patterns.size()));
        if (is_new) patterns.push_back(inside);
        classes[position] = found->second;
    }
    return classes;
}

}  // namespace

BorderClasses::BorderClasses(const Geometry& g) {
    row_class_ = classify(g.out_height, g.kernel_height, g.stride_y, g.dilation_y, g.top,
                          g.in_height, row_taps_);
    column_class_ = classify(g.out_width, g.kernel_width, g.stride_x, g.dilation_x, g.left,
                             g.in_width, column_taps_);
    rows_ = static_cast<int>(row_taps_.size());
    columns_ = static_cast<int>(column_taps_.size());
}

}  // namespace bnn
