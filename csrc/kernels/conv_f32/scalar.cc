#include <algorithm>

#include "kernels/conv_f32/contract.h"

namespace bnn {
namespace {

class ConvF32Scalar final : public ConvF32 {
public:
    explicit ConvF32Scalar(const ConvF32Spec& spec)
        : geometry_(spec.geometry),
          weight_(spec.weight,
                  spec.weight + static_cast<std::size_t>(geometry_.out_channels) * terms()) {}

    void run(const float* input, const Region& region, const Numbers& output) const override {
        const int end = std::min(region.block_end * 64, geometry_.out_channels);
        float* to = output.at;
        for (int y = region.row; y < region.row_end; ++y)
            for (int x = 0; x < geometry_.out_width; ++x, to += output.stride)
                for (int channel = region.block * 64; channel < end; ++channel)
                    to[channel] = total(pixel_of(input, y, x), channel);
    }

private:
    int terms() const { return geometry_.taps() * geometry_.group_channels(); }

    const float* pixel_of(const float* input, int y, int x) const {
        return input + y * geometry_.stride_y * geometry_.row_stride +
               static_cast<std::ptrdiff_t>(x) * geometry_.stride_x * geometry_.in_channels;
    }

    float total(const float* pixel, int channel) const {
        const Geometry& g = geometry_;
        const int group = channel / (g.out_channels / g.groups);
        const float* weight = weight_.data() + static_cast<std::size_t>(channel) * terms();
        float sum = 0;
        for (int i = 0; i < g.kernel_height; ++i) {
            for (int j = 0; j < g.kernel_width; ++j) {
                const float* from = pixel + i * g.dilation_y * g.row_stride +
                                    static_cast<std::ptrdiff_t>(j) * g.dilation_x * g.in_channels +
                                    group * g.group_channels();
                for (int c = 0; c < g.group_channels(); ++c)
                    sum = __builtin_fmaf(from[c], *weight++, sum);
            }
        }
        return sum;
    }

    Geometry geometry_;
    std::vector<float> weight_;
};

std::unique_ptr<ConvF32> make(const ConvF32Spec& spec) {
    return std::make_unique<ConvF32Scalar>(spec);
}

[[maybe_unused]] const bool registered = ConvF32Table::add("scalar", make);

}  // namespace
}  // namespace bnn
