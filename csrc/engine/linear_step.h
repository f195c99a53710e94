// Linear layers of a plan that computes several samples together, which share the reading of weights.
#pragma once

#include <algorithm>
#include <memory>
#include <span>
#include <utility>

#include "engine/finish.h"
#include "engine/geometry.h"
#include "engine/step.h"

namespace bnn {

// The window of each sample is copied, one after the other. Together they are a map with a position
// for each sample: a window is a row of taps, and the stride is its length. So kernels for maps read a
// weight once for several samples.
//
// Conv holds the part of an operation:
//   Element, Output, Kernel    what a kernel reads and writes
//   is_integer                 whether results are sums or bits, else floats
//   row_samples                the positions of a row that its kernels compute at once. If this is not
//                              1, a single sample has a kernel of its own
//   suits_groups(kernel, isa)  whether that one is as fast for groups, sample by sample
//   make(context, geometry)    a kernel
//   scratch_bytes(kernel)
//   numbers(to, stride)        an output for numbers of 32 bits
//   run(kernel, input, region, output, scratch)
template <typename Conv>
class LinearStep final : public Step {
    using Element = typename Conv::Element;
    using Kernel = typename Conv::Kernel;

public:
    explicit LinearStep(const StepContext& context)
        : geometry_(geometry_of(context)),
          input_(context.inputs[0]),
          output_(context.output),
          rows_((context.group + Conv::row_samples - 1) / Conv::row_samples),
          finish_(context) {
        if constexpr (Conv::row_samples > 1) {
            single_kernel_ = Conv::make(context, map_of(1, 1));
            if (Conv::suits_groups(*single_kernel_, context.isa)) return;
        }
        group_kernel_ = Conv::make(context, map_of(rows_, Conv::row_samples));
    }

    std::size_t scratch_bytes() const override {
        std::size_t kernel = 0;
        for (const auto* one : {&single_kernel_, &group_kernel_})
            if (*one) kernel = std::max(kernel, Conv::scratch_bytes(**one));
        return windows_bytes() + results_bytes() + kernel;
    }

    void run(const Arena& arena, Part part, void* scratch) const override {
        run_kernel(single_kernel_ ? *single_kernel_ : *group_kernel_, 1, {&arena, 1},
                   part.of(blocks()), scratch);
    }

    void run_group(std::span<const Arena> arenas, void* scratch) const override {
        if (!group_kernel_ || (single_kernel_ && arenas.size() < least_samples))
            return Step::run_group(arenas, scratch);
        run_kernel(*group_kernel_, Conv::row_samples, arenas, {0, blocks()}, scratch);
    }

private:
    using Blocks = std::pair<int, int>;
    // Fewer take less time one by one: kernels for maps may have larger weights.
    static constexpr std::size_t least_samples = 3;

    std::size_t positions() const { return static_cast<std::size_t>(rows_) * Conv::row_samples; }
    int blocks() const { return words_for(geometry_.out_channels); }
    std::ptrdiff_t window_elements() const {
        return static_cast<std::ptrdiff_t>(geometry_.taps()) * input_.pixel_elements();
    }
    // From the results of one sample to the next: whole blocks of channels.
    std::ptrdiff_t stride() const { return gives_bits() ? blocks() : blocks() * 64; }
    bool gives_bits() const { return finish_.is_empty() && output_.type.kind == Kind::bits; }

    // Kernels may read a few bytes after the last window.
    std::size_t windows_bytes() const {
        const std::size_t bytes = window_elements() * sizeof(Element);
        return (positions() * bytes + 64 + 63) / 64 * 64;
    }
    // At most numbers of 32 bits.
    std::size_t results_bytes() const { return positions() * blocks() * 64 * 4; }

    // The map of windows: some rows of positions.
    Geometry map_of(int rows, int columns) const {
        const int taps = geometry_.taps();
        Geometry g{};
        g.in_height = g.out_height = rows;
        g.in_width = columns * taps;
        g.out_width = columns;
        g.in_channels = geometry_.in_channels;
        g.out_channels = geometry_.out_channels;
        g.kernel_height = g.stride_y = g.dilation_y = g.dilation_x = g.groups = 1;
        g.kernel_width = g.stride_x = taps;
        g.row_stride = columns * window_elements();
        return g;
    }

    // columns: the positions of a row.
    void run_kernel(const Kernel& kernel, int columns, std::span<const Arena> arenas,
                    Blocks blocks, void* scratch) const {
        if (blocks.first == blocks.second) return;  // more threads than blocks
        const int samples = static_cast<int>(arenas.size());
        const int rows = (samples + columns - 1) / columns;
        auto* windows = static_cast<Element*>(scratch);
        auto* results = static_cast<std::byte*>(scratch) + windows_bytes();
        // The last sample fills up the last row.
        Element* to = windows;
        for (int k = 0; k < rows * columns; ++k)
            to = copy_window(arenas[std::min(k, samples - 1)], to);
        Conv::run(kernel, windows, {0, rows, blocks.first, blocks.second},
                  kernel_output(results), results + results_bytes());
        for (const Arena& arena : arenas) {
            store(arena, blocks, results);
            results += stride() * (gives_bits() ? 8 : 4);
        }
    }

    Element* copy_window(const Arena& arena, Element* to) const {
        const Geometry& g = geometry_;
        // Taps that are neighbours are copied at once.
        const int taps = g.dilation_x == 1 ? g.kernel_width : 1;
        for (int i = 0; i < g.kernel_height; ++i)
            for (int j = 0; j < g.kernel_width; j += taps)
                to = std::copy_n(arena.at<Element>(input_, i * g.dilation_y, j * g.dilation_x),
                                 taps * input_.pixel_elements(), to);
        return to;
    }

    typename Conv::Output kernel_output(void* results) const {
        if constexpr (Conv::is_integer)
            if (gives_bits())
                return Conv::Output::of_bits(static_cast<std::uint64_t*>(results),
                                             Conv::row_samples * stride());
        return Conv::numbers(results, stride());
    }

    // Puts the results of a sample where its next step reads them.
    void store(const Arena& arena, Blocks blocks, const void* results) const {
        const auto [first, end] = blocks;
        if (!finish_.is_empty())
            return finish_.run(arena, {0, 1, first, end}, results, Conv::is_integer, stride());
        if (gives_bits()) return copy<std::uint64_t>(arena, first, end, results);
        copy<std::int32_t>(arena, first * 64, std::min(end * 64, geometry_.out_channels), results);
    }

    template <typename T>
    void copy(const Arena& arena, int first, int end, const void* results) const {
        const T* from = static_cast<const T*>(results);
        std::copy(from + first, from + end, arena.at<T>(output_) + first);
    }

    Geometry geometry_;
    Layout input_, output_;
    int rows_;  // of the map of a whole group
    Finish finish_;
    std::unique_ptr<Kernel> single_kernel_, group_kernel_;  // one of them may be missing
};

}  // namespace bnn
