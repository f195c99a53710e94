// How a window slides over a map, and where it reaches into the padding.
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace bnn {

inline int words_for(int channels) { return (channels + 63) / 64; }

struct Geometry {
    int in_height, in_width, in_channels;
    int out_height, out_width, out_channels;
    int kernel_height, kernel_width, stride_y, stride_x, dilation_y, dilation_x;
    int top, left;  // padding before the map; the padding after it follows from the sizes
    int groups;
    // The distance from one row of the padded input to the next, in words of bits or bytes of pixels.
    std::ptrdiff_t row_stride;

    int group_channels() const { return in_channels / groups; }
    int group_words() const { return words_for(group_channels()); }
    int taps() const { return kernel_height * kernel_width; }
    // One filter for each channel.
    bool is_depthwise() const {
        return groups > 1 && groups == in_channels && groups == out_channels;
    }
};

// Taps [first, second) of a kernel, along one axis.
using Taps = std::pair<int, int>;

// Output positions are in one class if their windows have the same taps inside the map.
class BorderClasses {
public:
    explicit BorderClasses(const Geometry& geometry);

    int count() const { return rows_ * columns_; }
    int of(int y, int x) const { return of_row(y) + of_column(x); }
    // The class of a position is that of its row plus that of its column.
    int of_row(int y) const { return row_class_[y] * columns_; }
    int of_column(int x) const { return column_class_[x]; }
    // Whether tap (i, j) is inside the map for positions of a class.
    bool inside(int border_class, int i, int j) const {
        return within(row_taps_[border_class / columns_], i) &&
               within(column_taps_[border_class % columns_], j);
    }

private:
    static bool within(const Taps& taps, int one) { return taps.first <= one && one < taps.second; }

    int rows_, columns_;
    std::vector<int> row_class_, column_class_;
    std::vector<Taps> row_taps_, column_taps_;
};

// A part of the output: rows [row, row_end), blocks of 64 channels [block, block_end).
struct Region {
    int row, row_end, block, block_end;
};

}  // namespace bnn
