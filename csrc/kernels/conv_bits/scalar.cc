#include <algorithm>
#include <bit>

#include "kernels/bits.h"
#include "kernels/conv_bits/contract.h"

namespace bnn {
namespace {

class ConvBitsScalar final : public ConvBits {
public:
    explicit ConvBitsScalar(const ConvBitsSpec& spec) : geometry_(spec.geometry), rule_(spec) {}

    bool suits_groups(const std::string&) const override { return true; }

    void run(const std::uint64_t* input, const Region& region, const ConvOutput& output,
             void*) const override {
        for (int y = region.row; y < region.row_end; ++y)
            for (int x = 0; x < geometry_.out_width; ++x)
                for (int block = region.block; block < region.block_end; ++block)
                    run_block(input, y, x, block, output);
    }

private:
    void run_block(const std::uint64_t* input, int y, int x, int block,
                   const ConvOutput& output) const {
        const Geometry& g = geometry_;
        const std::size_t rule = static_cast<std::size_t>(rule_.classes.of(y, x)) * g.out_channels;
        std::uint64_t word = 0;
        for (int channel = block * 64; channel < std::min(block * 64 + 64, g.out_channels); ++channel) {
            const int count = differing(input, y, x, channel);
            if (output.sums != nullptr) {
                output.sums_at(g, y, x)[channel] =
                    rule_.sum_at_zero[rule + channel] - 2 * count;
            } else {
                word |= std::uint64_t{count < rule_.limit[rule + channel]} << (channel % 64);
            }
        }
        if (output.sums == nullptr)
            output.bits[y * output.bits_row_stride + x * words_for(g.out_channels) + block] = word;
    }

    int differing(const std::uint64_t* input, int y, int x, int channel) const {
        const Geometry& g = geometry_;
        const int first = channel / (g.out_channels / g.groups) * g.group_channels();
        const int pixel_words = words_for(g.in_channels);
        const std::uint64_t* weight =
            rule_.weight.data() + static_cast<std::size_t>(channel) * g.taps() * g.group_words();
        int count = 0;
        for (int i = 0; i < g.kernel_height; ++i) {
            for (int j = 0; j < g.kernel_width; ++j) {
                const std::uint64_t* pixel =
                    input + (y * g.stride_y + i * g.dilation_y) * g.row_stride +
                    static_cast<std::ptrdiff_t>(x * g.stride_x + j * g.dilation_x) * pixel_words;
                for (int bit = 0; bit < g.group_channels(); bit += 64) {
                    const int bits = std::min(64, g.group_channels() - bit);
                    count += std::popcount(bits_at(pixel, first + bit, bits) ^ *weight++);
                }
            }
        }
        return count;
    }

    Geometry geometry_;
    CountRule rule_;
};

std::unique_ptr<ConvBits> make(const ConvBitsSpec& spec) {
    return std::make_unique<ConvBitsScalar>(spec);
}

[[maybe_unused]] const bool registered = ConvBitsTable::add("scalar", make);

}  // namespace
}  // namespace bnn
