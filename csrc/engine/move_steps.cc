// Operations that only move values.
#include <cstring>

#include "engine/step.h"

namespace bnn {
namespace {

class MoveStep : public Step {
public:
    explicit MoveStep(const StepContext& context)
        : inputs_(context.inputs), output_(context.output) {}

protected:
    // Element `channel` of a pixel, to place `target` of the output pixel `to`.
    static void move(const Layout& layout, const std::byte* from, int channel, std::byte* to,
                     int target) {
        if (layout.type.kind != Kind::bits) {
            const std::size_t size = layout.element_bytes();
            std::memcpy(to + target * size, from + channel * size, size);
            return;
        }
        const auto* words = reinterpret_cast<const std::uint64_t*>(from);
        auto* out = reinterpret_cast<std::uint64_t*>(to);
        out[target / 64] |= (words[channel / 64] >> (channel % 64) & 1) << (target % 64);
    }

    static std::byte* pixel(const Arena& arena, const Layout& layout, int y, int x) {
        const std::ptrdiff_t place =
            y * layout.row_stride() + static_cast<std::ptrdiff_t>(x) * layout.pixel_elements();
        const auto bytes = static_cast<std::ptrdiff_t>(layout.element_bytes());
        switch (bytes) {
            case 1: return reinterpret_cast<std::byte*>(arena.at<std::uint8_t>(layout) + place);
            case 4: return reinterpret_cast<std::byte*>(arena.at<std::uint32_t>(layout) + place);
            default: return reinterpret_cast<std::byte*>(arena.at<std::uint64_t>(layout) + place);
        }
    }

    void clear(std::byte* to) const {
        std::memset(to, 0, output_.pixel_elements() * output_.element_bytes());
    }

    std::vector<Layout> inputs_;
    Layout output_;
};

class Flatten final : public MoveStep {
    using MoveStep::MoveStep;
    void run(const Arena& arena, Part part, void*) const override {
        if (part.index != 0) return;
        const Layout& input = inputs_[0];
        const ValueType& type = input.type;
        std::byte* to = pixel(arena, output_, 0, 0);
        clear(to);
        for (int y = 0; y < type.height; ++y)
            for (int x = 0; x < type.width; ++x)
                for (int c = 0; c < type.channels; ++c)
                    move(input, pixel(arena, input, y, x), c, to,
                         (c * type.height + y) * type.width + x);
    }
};

class Concat final : public MoveStep {
    using MoveStep::MoveStep;
    void run(const Arena& arena, Part part, void*) const override {
        const auto [row, row_end] = part.of(output_.type.height);
        for (int y = row; y < row_end; ++y)
            for (int x = 0; x < output_.type.width; ++x) join(arena, y, x);
    }
    void join(const Arena& arena, int y, int x) const {
        std::byte* to = pixel(arena, output_, y, x);
        clear(to);
        int target = 0;
        for (const Layout& input : inputs_)
            for (int c = 0; c < input.type.channels; ++c)
                move(input, pixel(arena, input, y, x), c, to, target++);
    }
};

template <typename T>
std::unique_ptr<Step> make(const StepContext& context) {
    return std::make_unique<T>(context);
}

[[maybe_unused]] const bool registered =
    add_step("flatten", make<Flatten>) && add_step("concat", make<Concat>);

}  // namespace
}  // namespace bnn
