// One number for whole sides of a map.
#include <algorithm>
#include <cmath>
#include <limits>

#include "engine/step.h"

namespace bnn {
namespace {

struct Highest {
    static constexpr double start = -std::numeric_limits<double>::infinity();
    static double join(double highest, double value) {
        return value > highest || std::isnan(value) ? value : highest;
    }
};

// In float64. Then the rounded sum does not depend on the order, except for rare last bits.
struct Sum {
    static constexpr double start = 0;
    static double join(double total, double value) { return total + value; }
};

// Threads share the work in pieces: a block of channels of an output position. Any thread joins the
// same numbers in the same order.
template <typename Join>
class Reduce final : public Step {
public:
    explicit Reduce(const StepContext& context)
        : input_(context.inputs[0]), output_(context.output) {
        const ValueType &from = input_.type, &to = output_.type;
        if (context.node.names.at("function")[0] == "mean")
            count_ = static_cast<float>(std::int64_t{from.height} * from.width * from.channels /
                                        (std::int64_t{to.height} * to.width * to.channels));
    }

private:
    static constexpr int block = 64;

    void run(const Arena& arena, Part part, void*) const override {
        const ValueType& type = output_.type;
        const int blocks = (type.channels + block - 1) / block;
        const auto [first, last] = part.of(type.height * type.width * blocks);
        for (int piece = first; piece < last; ++piece) {
            const int position = piece / blocks, channel = piece % blocks * block;
            join_block(arena, position / type.width, position % type.width, channel,
                       std::min(block, type.channels - channel));
        }
    }

    void join_block(const Arena& arena, int y, int x, int channel, int channels) const {
        double joined[block];
        std::fill_n(joined, channels, Join::start);
        const auto [row, row_end] = range(y, input_.type.height, output_.type.height);
        const auto [column, column_end] = range(x, input_.type.width, output_.type.width);
        const bool over_channels = output_.type.channels < input_.type.channels;
        for (int i = row; i < row_end; ++i)
            for (int j = column; j < column_end; ++j) {
                const float* from = arena.at<float>(input_, i, j) + channel;
                if (over_channels)
                    for (int c = 0; c < input_.type.channels; ++c)
                        joined[0] = Join::join(joined[0], from[c]);
                else
                    for (int c = 0; c < channels; ++c) joined[c] = Join::join(joined[c], from[c]);
            }
        float* to = arena.at<float>(output_, y, x) + channel;
        for (int c = 0; c < channels; ++c) to[c] = static_cast<float>(joined[c]) / count_;
    }

    // The positions of a side that become one output position: all where the side is reduced.
    static std::pair<int, int> range(int position, int size, int reduced) {
        return reduced == size ? std::pair{position, position + 1} : std::pair{0, size};
    }

    Layout input_, output_;
    float count_ = 1;
};

std::unique_ptr<Step> make_reduce(const StepContext& context) {
    if (context.node.names.at("function")[0] == "maximum")
        return std::make_unique<Reduce<Highest>>(context);
    return std::make_unique<Reduce<Sum>>(context);
}

[[maybe_unused]] const bool registered = add_step("reduce", make_reduce);

}  // namespace
}  // namespace bnn
