// Convolutions of real numbers: first layers, and pointwise or depthwise layers between binary ones.
#include <algorithm>

#include "engine/geometry.h"
#include "engine/step.h"
#include "engine/tail.h"
#include "kernels/real/contract.h"

namespace bnn {
namespace {

// Gathered windows have at most about this many numbers, so they stay in a cache.
constexpr int window_numbers = 1 << 14;

// Output positions [first, last) and channels [channel, channel_end).
struct Share {
    int first, last, channel, channel_end;
};

class ConvF32Step : public Step {
public:
    explicit ConvF32Step(const StepContext& context)
        : geometry_(geometry_of(context)),
          input_(context.inputs[0]),
          output_(context.output),
          loops_(real_loops(context.isa)),
          tail_(context) {
        if (context.node.op == "conv_f32_bits")
            padding_ = static_cast<float>(context.node.number("padding_value"));
    }

protected:
    // (out, kh, kw, in / groups), bits as -1 and +1.
    static std::vector<float> weight_of(const Node& node, const Geometry& g) {
        const Tensor& weight = node.tensors.at("weight");
        const std::size_t rows = static_cast<std::size_t>(g.out_channels) * g.taps();
        const int channels = g.group_channels(), words = g.group_words();
        if (node.op == "conv_f32")
            return {weight.as<float>(), weight.as<float>() + rows * channels};
        std::vector<float> signs;
        signs.reserve(rows * channels);
        for (std::size_t row = 0; row < rows; ++row)
            for (int c = 0; c < channels; ++c)
                signs.push_back(weight.as<std::uint64_t>()[row * words + c / 64] >> (c % 64) & 1
                                    ? 1.0F
                                    : -1.0F);
        return signs;
    }

    // Calls take(tap, pixel) for the window of a position; the pixel is nullptr outside the map.
    template <typename Take>
    void each_tap(const Arena& arena, int position, Take take) const {
        const Geometry& g = geometry_;
        const int y = position / g.out_width, x = position % g.out_width;
        for (int i = 0; i < g.kernel_height; ++i) {
            const int row = y * g.stride_y + i * g.dilation_y - g.top;
            for (int j = 0; j < g.kernel_width; ++j) {
                const int column = x * g.stride_x + j * g.dilation_x - g.left;
                const bool inside =
                    row >= 0 && row < g.in_height && column >= 0 && column < g.in_width;
                take(i * g.kernel_width + j,
                     inside ? arena.at<float>(input_) + row * g.row_stride +
                                  static_cast<std::ptrdiff_t>(column) * g.in_channels
                            : nullptr);
            }
        }
    }

    float* output_at(const Arena& arena, int position) const {
        return arena.at<float>(output_) +
               static_cast<std::ptrdiff_t>(position) * geometry_.out_channels;
    }
    int positions() const { return geometry_.out_height * geometry_.out_width; }

    Geometry geometry_;
    Layout input_, output_;
    const RealLoops& loops_;
    Tail tail_;
    float padding_ = 0;
};

// Windows of several positions, gathered in a row each, times the weights of a block of channels.
class DenseStep final : public ConvF32Step {
public:
    explicit DenseStep(const StepContext& context) : ConvF32Step(context) {
        const std::vector<float> weight = weight_of(context.node, geometry_);
        weight_.assign(static_cast<std::size_t>(geometry_.groups) * blocks() * terms() * lanes, 0);
        for (int channel = 0; channel < geometry_.out_channels; ++channel) {
            const int group = channel / group_outputs(), inside = channel % group_outputs();
            float* to = weight_.data() + block_offset(group, inside / lanes) + inside % lanes;
            for (int term = 0; term < terms(); ++term)
                to[static_cast<std::size_t>(term) * lanes] =
                    weight[static_cast<std::size_t>(channel) * terms() + term];
        }
    }

    std::size_t scratch_bytes() const override {
        return static_cast<std::size_t>(tile()) * terms() * sizeof(float);
    }

    void run(const Arena& arena, Part part, void* scratch) const override {
        const Share share = share_of(part);
        auto* windows = static_cast<float*>(scratch);
        for (int first = share.first; first < share.last; first += tile()) {
            const int count = std::min(tile(), share.last - first);
            for (int group = 0; group < geometry_.groups; ++group) {
                gather(arena, first, count, group, windows);
                multiply(arena, first, count, group, share, windows);
            }
            tail_.run(arena, first, count, share.channel, share.channel_end - share.channel);
        }
    }

private:
    static constexpr int lanes = RealLoops::block_lanes;

    int terms() const { return geometry_.taps() * geometry_.group_channels(); }
    int group_outputs() const { return geometry_.out_channels / geometry_.groups; }
    int blocks() const { return (group_outputs() + lanes - 1) / lanes; }
    int tile() const {
        constexpr int most = 64 / RealLoops::block_windows;
        const int blocks = window_numbers / (terms() * RealLoops::block_windows);
        return std::min(std::clamp(blocks, 1, most) * RealLoops::block_windows, positions());
    }
    std::size_t block_offset(int group, int block) const {
        return (static_cast<std::size_t>(group) * blocks() + block) * terms() * lanes;
    }

    // Positions, where there are enough for all threads; else ranges of 64 channels.
    Share share_of(Part part) const {
        const int words = words_for(geometry_.out_channels);
        if (geometry_.groups > 1 || positions() >= 16 * part.count || words < part.count) {
            const auto [first, last] = part.of(positions());
            return {first, last, 0, geometry_.out_channels};
        }
        const auto [word, word_end] = part.of(words);
        return {0, positions(), word * 64, std::min(word_end * 64, geometry_.out_channels)};
    }

    void gather(const Arena& arena, int first, int count, int group, float* windows) const {
        for (int position = first; position < first + count; ++position) {
            if (geometry_.groups == 1 && geometry_.dilation_x == 1)
                gather_rows(arena, position, windows);
            else
                gather_taps(arena, position, group, windows);
            windows += terms();
        }
    }

    void gather_taps(const Arena& arena, int position, int group, float* window) const {
        const int channels = geometry_.group_channels();
        each_tap(arena, position, [&](int, const float* pixel) {
            if (pixel == nullptr)
                std::fill_n(window, channels, padding_);
            else
                std::copy_n(pixel + group * channels, channels, window);
            window += channels;
        });
    }

    // The taps of a row are next to each other in the map.
    void gather_rows(const Arena& arena, int position, float* window) const {
        const Geometry& g = geometry_;
        const int left = position % g.out_width * g.stride_x - g.left;
        const int before = std::clamp(-left, 0, g.kernel_width);
        const int inside = std::clamp(g.in_width - left, before, g.kernel_width) - before;
        const int numbers = g.kernel_width * g.in_channels;
        for (int i = 0; i < g.kernel_height; ++i, window += numbers) {
            const int row = position / g.out_width * g.stride_y + i * g.dilation_y - g.top;
            const bool outside = row < 0 || row >= g.in_height || inside == 0;
            if (outside || inside < g.kernel_width) std::fill_n(window, numbers, padding_);
            if (outside) continue;
            const float* from = arena.at<float>(input_) + row * g.row_stride +
                                static_cast<std::ptrdiff_t>(left + before) * g.in_channels;
            std::copy_n(from, inside * g.in_channels, window + before * g.in_channels);
        }
    }

    void multiply(const Arena& arena, int first, int count, int group, const Share& share,
                  const float* windows) const {
        // With groups, the share has all channels.
        const int begin = geometry_.groups > 1 ? 0 : share.channel;
        const int end = geometry_.groups > 1 ? group_outputs() : share.channel_end;
        for (int channel = begin; channel < end; channel += lanes) {
            const float* weight = weight_.data() + block_offset(group, channel / lanes);
            const int width = std::min(lanes, end - channel);
            for (int done = 0; done < count; done += RealLoops::block_windows) {
                const int some = std::min(RealLoops::block_windows, count - done);
                float sums[RealLoops::block_windows * lanes];
                loops_.multiply_block(windows + static_cast<std::ptrdiff_t>(done) * terms(),
                                      terms(), some, weight, sums);
                for (int k = 0; k < some; ++k)
                    std::copy_n(sums + k * lanes, width,
                                output_at(arena, first + done + k) + group * group_outputs() +
                                    channel);
            }
        }
    }

    std::vector<float> weight_;  // [group][block][term][lane]
};

// One filter for each channel: vectors run over the channels of a pixel.
class DepthwiseStep final : public ConvF32Step {
public:
    explicit DepthwiseStep(const StepContext& context)
        : ConvF32Step(context), outside_(geometry_.in_channels, padding_) {
        const std::vector<float> weight = weight_of(context.node, geometry_);
        weight_.reserve(weight.size());
        for (int tap = 0; tap < geometry_.taps(); ++tap)
            for (int channel = 0; channel < geometry_.out_channels; ++channel)
                weight_.push_back(weight[static_cast<std::size_t>(channel) * geometry_.taps() + tap]);
    }

    void run(const Arena& arena, Part part, void*) const override {
        const auto [first, last] = part.of(positions());
        const int channels = geometry_.out_channels;
        for (int position = first; position < last; ++position) {
            float* to = output_at(arena, position);
            std::fill_n(to, channels, 0.0F);
            each_tap(arena, position, [&](int tap, const float* pixel) {
                loops_.multiply_add(pixel == nullptr ? outside_.data() : pixel,
                                    weight_.data() + static_cast<std::ptrdiff_t>(tap) * channels,
                                    to, channels);
            });
            tail_.run(arena, position, 1, 0, channels);
        }
    }

private:
    std::vector<float> weight_;  // [tap][channel]
    std::vector<float> outside_;
};

std::unique_ptr<Step> make(const StepContext& context) {
    const Geometry g = geometry_of(context);
    if (g.groups > 1 && g.groups == g.in_channels && g.groups == g.out_channels)
        return std::make_unique<DepthwiseStep>(context);
    return std::make_unique<DenseStep>(context);
}

[[maybe_unused]] const bool registered =
    add_step("conv_f32", make) && add_step("conv_f32_bits", make);

}  // namespace
}  // namespace bnn
