#include <algorithm>
#include <array>
#include <type_traits>

#include "engine/step.h"
#include "kernels/real/contract.h"

namespace bnn {
namespace {

struct Window {
    int height, width, stride_y, stride_x, top, left, dilation_y, dilation_x;

    explicit Window(const Node& node)
        : height(node.number("kernel", 0)),
          width(node.number("kernel", 1)),
          stride_y(node.number("stride", 0)),
          stride_x(node.number("stride", 1)),
          top(node.number("padding", 0)),
          left(node.number("padding", 1)),
          dilation_y(node.attributes.contains("dilation") ? node.number("dilation", 0) : 1),
          dilation_x(node.attributes.contains("dilation") ? node.number("dilation", 1) : 1) {}
};

class PoolStep : public Step {
public:
    explicit PoolStep(const StepContext& context)
        : window_(context.node), input_(context.inputs[0]), output_(context.output) {}

protected:
    // Calls take(to, pixels, count, is_first, outputs) for each output pixel, with the input pixels of
    // its window that lie inside the map, some at a time, and end(to, count of all, outputs). Where
    // windows follow each other without a stride, so do their pixels in memory: then one call is for
    // several output pixels.
    template <typename T, typename Take, typename End>
    void each_window(const Arena& arena, Part part, Take take, End end) const {
        const auto [row, row_end] = part.of(output_.type.height);
        std::array<const T*, most_at_once> some;
        for (int y = row; y < row_end; ++y) {
            for (int x = 0; x < output_.type.width;) {
                T* to = arena.at<T>(output_, y, x);
                const int inside = inside_from(y, x);
                if (inside > 0) {
                    const int count = all_pixels(arena, y, x, some.data());
                    take(to, some.data(), count, true, inside);
                    end(to, count, inside);
                } else {
                    const auto take_some = [&](int count, bool is_first) {
                        take(to, some.data(), count, is_first, 1);
                    };
                    end(to, each_pixel<T>(arena, y, x, some, take_some), 1);
                }
                x += std::max(inside, 1);
            }
        }
    }

    Window window_;
    Layout input_, output_;

private:
    static constexpr int most_at_once = 64;

    int first_row(int y) const { return y * window_.stride_y - window_.top; }
    int first_column(int x) const { return x * window_.stride_x - window_.left; }

    // How many output pixels from here on have windows of few pixels that lie inside the map and
    // follow each other in memory.
    int inside_from(int y, int x) const {
        const int row = first_row(y), column = first_column(x);
        const int beyond = input_.type.width - (window_.width - 1) * window_.dilation_x - column;
        const bool is_inside = window_.height * window_.width <= most_at_once && row >= 0 &&
                               column >= 0 && beyond > 0 &&
                               row + (window_.height - 1) * window_.dilation_y < input_.type.height;
        if (!is_inside) return 0;
        return window_.stride_x == 1 ? std::min(beyond, output_.type.width - x) : 1;
    }

    template <typename T>
    int all_pixels(const Arena& arena, int y, int x, const T** to) const {
        const T* row = arena.at<T>(input_, first_row(y), first_column(x));
        const std::ptrdiff_t step =
            static_cast<std::ptrdiff_t>(window_.dilation_x) * input_.type.channels;
        for (int i = 0; i < window_.height; ++i, row += window_.dilation_y * input_.row_stride())
            for (int j = 0; j < window_.width; ++j) *to++ = row + j * step;
        return window_.height * window_.width;
    }

    template <typename T, typename Take>
    int each_pixel(const Arena& arena, int y, int x, std::array<const T*, most_at_once>& some,
                   Take take) const {
        int count = 0, taken = 0;
        for (int i = 0; i < window_.height; ++i) {
            const int row = first_row(y) + i * window_.dilation_y;
            if (row < 0 || row >= input_.type.height) continue;
            for (int j = 0; j < window_.width; ++j) {
                const int column = first_column(x) + j * window_.dilation_x;
                if (column < 0 || column >= input_.type.width) continue;
                if (count == most_at_once) {
                    take(count, taken == 0);
                    taken += count;
                    count = 0;
                }
                some[count++] = arena.at<T>(input_, row, column);
            }
        }
        take(count, taken == 0);
        return taken + count;
    }
};

// OR of words. The border around the map holds zeros, so bounds need no tests.
class MaxPoolBits final : public PoolStep {
public:
    explicit MaxPoolBits(const StepContext& context) : PoolStep(context) {
        taps_.reserve(static_cast<std::size_t>(window_.height) * window_.width);
        for (int i = 0; i < window_.height; ++i)
            for (int j = 0; j < window_.width; ++j)
                taps_.push_back((i * window_.dilation_y - window_.top) * input_.row_stride() +
                                static_cast<std::ptrdiff_t>(j * window_.dilation_x - window_.left) *
                                    input_.pixel_elements());
    }

private:
    void run(const Arena& arena, Part part, void*) const override {
        const int words = output_.pixel_elements();
        const auto [row, row_end] = part.of(output_.type.height);
        for (int y = row; y < row_end; ++y) {
            const std::uint64_t* from =
                arena.at<std::uint64_t>(input_) + y * window_.stride_y * input_.row_stride();
            std::uint64_t* to = arena.at<std::uint64_t>(output_) + y * output_.row_stride();
            for (int x = 0; x < output_.type.width; ++x, from += window_.stride_x * words)
                for (int word = 0; word < words; ++word) *to++ = any(from + word);
        }
    }

    std::uint64_t any(const std::uint64_t* from) const {
        std::uint64_t bits = 0;
        for (const std::ptrdiff_t tap : taps_) bits |= from[tap];
        return bits;
    }

    std::vector<std::ptrdiff_t> taps_;
};

template <typename T>
class MaxPool final : public PoolStep {
public:
    explicit MaxPool(const StepContext& context)
        : PoolStep(context), loops_(real_loops(context.isa)) {}

private:
    void run(const Arena& arena, Part part, void*) const override {
        const int channels = output_.type.channels;
        each_window<T>(
            arena, part,
            [&](T* to, const T* const* pixels, int count, bool is_first, int outputs) {
                if constexpr (std::is_same_v<T, float>)
                    loops_.raise_f32(pixels, count, to, outputs * channels, is_first);
                else
                    loops_.raise_i32(pixels, count, to, outputs * channels, is_first);
            },
            [](T*, int, int) {});
    }

    const RealLoops& loops_;
};

class AvgPool final : public PoolStep {
public:
    explicit AvgPool(const StepContext& context)
        : PoolStep(context),
          count_padding_(context.node.number("count_padding") != 0),
          loops_(real_loops(context.isa)) {}

private:
    void run(const Arena& arena, Part part, void*) const override {
        const int channels = output_.type.channels, all = window_.height * window_.width;
        each_window<float>(
            arena, part,
            [&](float* to, const float* const* pixels, int count, bool is_first, int outputs) {
                loops_.accumulate(pixels, count, to, outputs * channels, is_first);
            },
            [&](float* to, int inside, int outputs) {
                const auto count = static_cast<float>(count_padding_ ? all : inside);
                for (int c = 0; c < outputs * channels; ++c) to[c] /= count;
            });
    }

    bool count_padding_;
    const RealLoops& loops_;
};

std::unique_ptr<Step> make_max_pool(const StepContext& context) {
    switch (context.output.type.kind) {
        case Kind::bits: return std::make_unique<MaxPoolBits>(context);
        case Kind::i32: return std::make_unique<MaxPool<std::int32_t>>(context);
        default: return std::make_unique<MaxPool<float>>(context);
    }
}

std::unique_ptr<Step> make_avg_pool(const StepContext& context) {
    return std::make_unique<AvgPool>(context);
}

[[maybe_unused]] const bool registered =
    add_step("max_pool", make_max_pool) && add_step("avg_pool", make_avg_pool);

}  // namespace
}  // namespace bnn
