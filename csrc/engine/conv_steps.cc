#include <algorithm>
#include <tuple>

#include "engine/geometry.h"
#include "engine/step.h"
#include "engine/tail.h"
#include "kernels/conv_bits/contract.h"
#include "kernels/conv_u8/contract.h"
#include "kernels/real/contract.h"

namespace bnn {
namespace {

// Rows, where there are enough for all threads. Else blocks of channels: then each thread reads only
// its own weights.
Region region_of(const Geometry& g, Part part) {
    const int blocks = words_for(g.out_channels);
    Region region{0, g.out_height, 0, blocks};
    const bool large = g.out_height * g.out_width >= 128 * part.count;
    if (large || blocks < part.count)
        std::tie(region.row, region.row_end) = part.of(g.out_height);
    else
        std::tie(region.block, region.block_end) = part.of(blocks);
    return region;
}

// The first tap of output (0, 0). It is outside of the map by the size of the padding.
template <typename T>
const T* first_tap(const Arena& arena, const Layout& input, const Geometry& g) {
    return arena.at<T>(input) - g.top * g.row_stride -
           static_cast<std::ptrdiff_t>(g.left) * input.pixel_elements();
}

// Thresholds in the form of the kernels. There are none where no threshold is folded.
class FoldedThreshold {
public:
    explicit FoldedThreshold(const Node* node) : given_(node != nullptr && node->op == "threshold") {
        if (given_)
            thresholds_ = {node->tensors.at("threshold").as<std::int32_t>(),
                           node->tensors.at("below").as<std::uint64_t>()};
    }
    const Thresholds* get() const { return given_ ? &thresholds_ : nullptr; }

private:
    bool given_;
    Thresholds thresholds_{};
};

// Integer convolution to bits, to sums, or to real numbers with a tail of operations on them. For
// real numbers it handles a few rows of sums at a time, while the caches hold them. Derived defines
// how its kernel runs: run_kernel(arena, region, output, scratch).
template <typename Derived>
class IntegerConvStep : public Step {
public:
    explicit IntegerConvStep(const StepContext& context)
        : geometry_(geometry_of(context)),
          input_(context.inputs[0]),
          output_(context.output),
          loops_(real_loops(context.isa)),
          tail_(context) {
        if (context.folded == nullptr || context.folded->op != "affine") return;
        for (const auto& [name, to] : {std::pair{"scale", &scale_}, std::pair{"bias", &bias_}}) {
            const auto* from = context.folded->tensors.at(name).template as<float>();
            to->assign(from, from + geometry_.out_channels);
        }
    }

    std::size_t scratch_bytes() const override { return sums_bytes() + derived().kernel_scratch(); }

    void run(const Arena& arena, Part part, void* scratch) const override {
        const Region region = region_of(geometry_, part);
        auto* kernel_scratch = static_cast<std::byte*>(scratch) + sums_bytes();
        if (scale_.empty()) {
            derived().run_kernel(arena, region, output(arena), kernel_scratch);
            return;
        }
        auto* sums = static_cast<std::int32_t*>(scratch);
        for (int row = region.row; row < region.row_end; row += strip_rows()) {
            const Region strip{row, std::min(row + strip_rows(), region.row_end), region.block,
                               region.block_end};
            const ConvOutput strip_output{nullptr, 0, sums, row};
            derived().run_kernel(arena, strip, strip_output, kernel_scratch);
            write_real(arena, strip, strip_output);
        }
    }

protected:
    Geometry geometry_;
    Layout input_;

private:
    const Derived& derived() const { return static_cast<const Derived&>(*this); }

    // As many rows as kernels handle at once: they work on some 64 positions.
    int strip_rows() const { return std::clamp(64 / geometry_.out_width, 1, geometry_.out_height); }

    std::size_t sums_bytes() const {
        const std::size_t sums = static_cast<std::size_t>(strip_rows()) * geometry_.out_width *
                                 geometry_.out_channels;
        return scale_.empty() ? 0 : (sums * sizeof(std::int32_t) + 63) / 64 * 64;
    }

    ConvOutput output(const Arena& arena) const {
        if (output_.type.kind == Kind::i32) return {nullptr, 0, arena.at<std::int32_t>(output_), 0};
        return {arena.at<std::uint64_t>(output_), output_.row_stride(), nullptr, 0};
    }

    void write_real(const Arena& arena, const Region& strip, const ConvOutput& from) const {
        const int first = strip.block * 64;
        const int count = std::min(strip.block_end * 64, geometry_.out_channels) - first;
        for (int y = strip.row; y < strip.row_end; ++y) {
            float* to = arena.at<float>(output_) + y * output_.row_stride() + first;
            for (int x = 0; x < geometry_.out_width; ++x, to += geometry_.out_channels)
                loops_.affine_i32(from.sums_at(geometry_, y, x) + first, scale_.data() + first,
                                  bias_.data() + first, to, count);
            tail_.run(arena, y * geometry_.out_width, geometry_.out_width, first, count);
        }
    }

    Layout output_;
    const RealLoops& loops_;
    Tail tail_;
    std::vector<float> scale_, bias_;  // those of a folded affine
};

class ConvBitsStep final : public IntegerConvStep<ConvBitsStep> {
public:
    explicit ConvBitsStep(const StepContext& context) : IntegerConvStep(context) {
        const FoldedThreshold folded(context.folded);
        kernel_ = ConvBitsTable::make(
            context.isa, {geometry_, context.node.number("padding_value"),
                          context.node.tensors.at("weight").as<std::uint64_t>(), folded.get()});
    }
    std::size_t kernel_scratch() const { return kernel_->scratch_bytes(); }
    void run_kernel(const Arena& arena, const Region& region, const ConvOutput& output,
                    void* scratch) const {
        kernel_->run(first_tap<std::uint64_t>(arena, input_, geometry_), region, output, scratch);
    }

private:
    std::unique_ptr<ConvBits> kernel_;
};

class ConvU8Step final : public IntegerConvStep<ConvU8Step> {
public:
    explicit ConvU8Step(const StepContext& context) : IntegerConvStep(context) {
        const FoldedThreshold folded(context.folded);
        kernel_ = ConvU8Table::make(
            context.isa, {geometry_, context.node.number("multiplier"),
                          context.node.number("offset"),
                          context.node.tensors.at("weight").as<std::uint64_t>(), folded.get()});
    }
    std::size_t kernel_scratch() const { return 0; }
    void run_kernel(const Arena& arena, const Region& region, const ConvOutput& output,
                    void*) const {
        kernel_->run(first_tap<std::uint8_t>(arena, input_, geometry_), region, output);
    }

private:
    std::unique_ptr<ConvU8> kernel_;
};

template <typename T>
std::unique_ptr<Step> make(const StepContext& context) {
    return std::make_unique<T>(context);
}

[[maybe_unused]] const bool registered =
    add_step("conv_bits", make<ConvBitsStep>) && add_step("conv_u8", make<ConvU8Step>);

}  // namespace
}  // namespace bnn
