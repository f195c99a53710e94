// What the steps of all convolutions share: how threads divide the map, and how results are finished.
#pragma once

#include <algorithm>
#include <tuple>

#include "engine/finish.h"
#include "engine/geometry.h"
#include "engine/step.h"

namespace bnn {

// A convolution writes bits or sums to its map at once; or it writes the sums or numbers of a few
// rows to scratch, where the caches hold them, and then finishes these.
//
// Derived defines run_direct(arena, region, scratch), run_strip(arena, region, numbers, stride,
// scratch) and kernel_scratch(), the bytes of scratch of both.
template <typename Derived, bool is_integer>
class ConvStep : public Step {
public:
    explicit ConvStep(const StepContext& context)
        : geometry_(geometry_of(context)),
          input_(context.inputs[0]),
          output_(context.output),
          finish_(context) {}

    std::size_t scratch_bytes() const override {
        return strip_bytes() + derived().kernel_scratch();
    }

    void run(const Arena& arena, Part part, void* scratch) const override {
        const Region region = region_of(part);
        auto* kernel_scratch = static_cast<std::byte*>(scratch) + strip_bytes();
        if (finish_.is_empty()) return derived().run_direct(arena, region, kernel_scratch);
        Region strip = region;
        for (; strip.row < region.row_end; strip.row = strip.row_end) {
            strip.row_end = std::min(strip.row + strip_rows(), region.row_end);
            derived().run_strip(arena, strip, scratch, stride(), kernel_scratch);
            finish_.run(arena, strip, scratch, is_integer, stride());
        }
    }

protected:
    // The first tap of output (0, 0). It is outside of the map by the size of the padding.
    template <typename T>
    const T* first_tap(const Arena& arena) const {
        return arena.at<T>(input_) - geometry_.top * geometry_.row_stride -
               static_cast<std::ptrdiff_t>(geometry_.left) * input_.pixel_elements();
    }

    Geometry geometry_;
    Layout input_, output_;

private:
    const Derived& derived() const { return static_cast<const Derived&>(*this); }

    // Rows, where there are enough for all threads. Else blocks of channels: then each thread reads
    // only its own weights. Groups are not divided.
    Region region_of(Part part) const {
        const Geometry& g = geometry_;
        const int blocks = words_for(g.out_channels);
        Region region{0, g.out_height, 0, blocks};
        const bool large = g.out_height * g.out_width >= 64 * part.count;
        if (large || blocks < part.count || g.groups > 1)
            std::tie(region.row, region.row_end) = part.of(g.out_height);
        else
            std::tie(region.block, region.block_end) = part.of(blocks);
        return region;
    }

    // Results that stay in a cache until they are finished, but never fewer than 64 positions: so many
    // share the weights that kernels have in the L1 cache.
    int strip_rows() const {
        const int positions = std::max(4096 / static_cast<int>(stride()), 64);
        return std::clamp(positions / geometry_.out_width, 1, geometry_.out_height);
    }

    // The whole vectors that kernels write: 16 or 32 channels, or blocks of 64. The last vector of a
    // group may reach beyond its channels.
    std::ptrdiff_t stride() const {
        if (geometry_.groups > 1) return (words_for(geometry_.out_channels) + 1) * 64;
        if (geometry_.out_channels <= 32) return geometry_.out_channels <= 16 ? 16 : 32;
        return words_for(geometry_.out_channels) * 64;
    }

    std::size_t strip_bytes() const {
        if (finish_.is_empty()) return 0;
        return static_cast<std::size_t>(strip_rows()) * geometry_.out_width * stride() * 4;
    }

    Finish finish_;
};

}  // namespace bnn
