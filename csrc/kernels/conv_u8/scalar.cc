#include <algorithm>

#include "kernels/conv_u8/contract.h"

namespace bnn {
namespace {

class ConvU8Scalar final : public ConvU8 {
public:
    explicit ConvU8Scalar(const ConvU8Spec& spec)
        : geometry_(spec.geometry), multiplier_(spec.multiplier), rule_(spec) {}

    bool suits_groups(const std::string&) const override { return true; }

    void run(const std::uint8_t* input, const Region& region, const ConvOutput& output,
             void*) const override {
        for (int y = region.row; y < region.row_end; ++y)
            for (int x = 0; x < geometry_.out_width; ++x)
                for (int block = region.block; block < region.block_end; ++block)
                    run_block(input, y, x, block, output);
    }

private:
    void run_block(const std::uint8_t* input, int y, int x, int block,
                   const ConvOutput& output) const {
        const Geometry& g = geometry_;
        const std::size_t rule = static_cast<std::size_t>(rule_.classes.of(y, x)) * g.out_channels;
        std::uint64_t word = 0;
        for (int channel = block * 64; channel < std::min(block * 64 + 64, g.out_channels); ++channel) {
            const std::int32_t plain = sum(input, y, x, channel);
            if (output.sums != nullptr) {
                output.sums_at(g, y, x)[channel] =
                    multiplier_ * plain + rule_.added[rule + channel];
            } else {
                word |= std::uint64_t{plain > rule_.limit[rule + channel]} << (channel % 64);
            }
        }
        if (output.sums == nullptr)
            output.bits[y * output.bits_row_stride + x * words_for(g.out_channels) + block] = word;
    }

    std::int32_t sum(const std::uint8_t* input, int y, int x, int channel) const {
        const Geometry& g = geometry_;
        const int first = channel / (g.out_channels / g.groups) * g.group_channels();
        const std::int8_t* weight =
            rule_.weight.data() + static_cast<std::size_t>(channel) * g.taps() * g.group_channels();
        std::int32_t total = 0;
        for (int i = 0; i < g.kernel_height; ++i) {
            for (int j = 0; j < g.kernel_width; ++j) {
                const std::uint8_t* pixel =
                    input + (y * g.stride_y + i * g.dilation_y) * g.row_stride +
                    static_cast<std::ptrdiff_t>(x * g.stride_x + j * g.dilation_x) * g.in_channels +
                    first;
                for (int c = 0; c < g.group_channels(); ++c) total += pixel[c] * *weight++;
            }
        }
        return total;
    }

    Geometry geometry_;
    int multiplier_;
    PixelRule rule_;
};

std::unique_ptr<ConvU8> make(const ConvU8Spec& spec) {
    return std::make_unique<ConvU8Scalar>(spec);
}

[[maybe_unused]] const bool registered = ConvU8Table::add("scalar", make);

}  // namespace
}  // namespace bnn
