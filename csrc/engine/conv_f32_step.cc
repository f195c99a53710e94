// Convolutions of real numbers: first layers, and pointwise or depthwise layers between binary ones.
#include <memory>

#include "engine/conv_step.h"
#include "engine/linear_step.h"
#include "kernels/conv_f32/contract.h"

namespace bnn {
namespace {

// (out, kh, kw, channels of a group), bits as -1 and +1.
std::vector<float> weight_of(const Node& node, const Geometry& g) {
    const Tensor& weight = node.tensors.at("weight");
    const std::size_t rows = static_cast<std::size_t>(g.out_channels) * g.taps();
    const int channels = g.group_channels(), words = g.group_words();
    if (node.op == "conv_f32") return {weight.as<float>(), weight.as<float>() + rows * channels};
    std::vector<float> signs;
    signs.reserve(rows * channels);
    for (std::size_t row = 0; row < rows; ++row)
        for (int c = 0; c < channels; ++c)
            signs.push_back(weight.as<std::uint64_t>()[row * words + c / 64] >> (c % 64) & 1 ? 1.0F
                                                                                            : -1.0F);
    return signs;
}

// What a LinearStep needs. The kernels compute any number of rows of one position.
struct RealConv {
    using Element = float;
    using Output = Numbers;
    using Kernel = ConvF32;
    static constexpr bool is_integer = false;
    static constexpr int row_samples = 1;

    static std::unique_ptr<Kernel> make(const StepContext& context, const Geometry& geometry) {
        return ConvF32Table::make(context.isa,
                                  {geometry, weight_of(context.node, geometry).data()});
    }
    static std::size_t scratch_bytes(const Kernel&) { return 0; }
    static Numbers numbers(void* to, std::ptrdiff_t stride) {
        return {static_cast<float*>(to), stride};
    }
    static void run(const Kernel& kernel, const float* input, const Region& region,
                    const Numbers& output, void*) {
        kernel.run(input, region, output);
    }
};

class ConvF32Step final : public ConvStep<ConvF32Step, false> {
public:
    explicit ConvF32Step(const StepContext& context) : ConvStep(context) {
        if (context.node.op == "conv_f32_bits")
            padding_ = static_cast<float>(context.node.number("padding_value"));
        if (padding_ != 0) pad_geometry(context.node);
        kernel_ = RealConv::make(context, geometry_);
    }

    std::size_t kernel_scratch() const { return padding_ != 0 ? padded_.bytes() : 0; }

    void run_direct(const Arena&, const Region&, void*) const {}  // numbers are always finished

    void run_strip(const Arena& arena, const Region& strip, void* numbers, std::ptrdiff_t stride,
                   void* scratch) const {
        const float* input = padding_ != 0 ? pad(arena, strip, static_cast<float*>(scratch))
                                           : first_tap<float>(arena);
        kernel_->run(input, strip, {static_cast<float*>(numbers), stride});
    }

private:
    // The border of a map holds zeros. Where padding is another number, the rows that a strip reads
    // are copied between rows and columns of it.
    void pad_geometry(const Node& node) {
        const Geometry& g = geometry_;
        padded_ = {input_.type, g.top, g.left,
                   reach_behind(node, 0, g.in_height, g.out_height, g.top),
                   reach_behind(node, 1, g.in_width, g.out_width, g.left), 0};
        geometry_.row_stride = padded_.row_stride();
    }

    const float* pad(const Arena& arena, const Region& strip, float* to) const {
        const Geometry& g = geometry_;
        const int reach = g.dilation_y * (g.kernel_height - 1) + 1;
        const std::ptrdiff_t row = padded_.row_stride();
        for (int y = strip.row * g.stride_y; y < (strip.row_end - 1) * g.stride_y + reach; ++y) {
            std::fill_n(to + y * row, row, padding_);
            if (y < g.top || y >= g.top + g.in_height) continue;
            std::copy_n(arena.at<float>(input_, y - g.top, 0), g.in_width * g.in_channels,
                        to + y * row + static_cast<std::ptrdiff_t>(g.left) * g.in_channels);
        }
        return to;
    }

    float padding_ = 0;
    Layout padded_{};
    std::unique_ptr<ConvF32> kernel_;
};

std::unique_ptr<Step> make(const StepContext& context) {
    if (shares_weights(context)) return std::make_unique<LinearStep<RealConv>>(context);
    return std::make_unique<ConvF32Step>(context);
}

[[maybe_unused]] const bool registered =
    add_step("conv_f32", make) && add_step("conv_f32_bits", make);

}  // namespace
}  // namespace bnn
