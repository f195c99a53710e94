#include "kernels/geometry.h"

#include <algorithm>

namespace bnn {
namespace {

// For each output position, the index of its pattern of taps inside the map.
std::vector<int> classify(int positions, int taps, int stride, int dilation, int before, int size,
                          std::vector<std::vector<bool>>& patterns) {
    std::vector<int> classes(positions);
    for (int position = 0; position < positions; ++position) {
        std::vector<bool> pattern(taps);
        for (int tap = 0; tap < taps; ++tap) {
            const int place = position * stride + tap * dilation - before;
            pattern[tap] = place >= 0 && place < size;
        }
        const auto found = std::find(patterns.begin(), patterns.end(), pattern);
        classes[position] = static_cast<int>(found - patterns.begin());
        if (found == patterns.end()) patterns.push_back(pattern);
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
