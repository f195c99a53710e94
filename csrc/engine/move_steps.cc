// Operations that only move values.
#include <algorithm>
#include <cstring>

#include "engine/step.h"
#include "kernels/bits.h"

namespace bnn {
namespace {

class MoveStep : public Step {
public:
    explicit MoveStep(const StepContext& context)
        : inputs_(context.inputs), output_(context.output) {}

protected:
    // Moves element `channel` of a pixel to place `target` of the output pixel `to`.
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

    // Moves `count` neighbouring elements. Where they are bits, those at the target are 0.
    static void copy(const Layout& layout, const std::byte* from, int first, int count,
                     std::byte* to, int target) {
        if (layout.type.kind != Kind::bits) {
            const std::size_t size = layout.element_bytes();
            std::memcpy(to + target * size, from + first * size, count * size);
            return;
        }
        const auto* words = reinterpret_cast<const std::uint64_t*>(from);
        auto* out = reinterpret_cast<std::uint64_t*>(to);
        for (int done = 0; done < count; done += 64) {
            const int some = std::min(count - done, 64), place = target + done;
            const std::uint64_t bits = bits_at(words, first + done, some);
            out[place / 64] |= bits << place % 64;
            if (place % 64 + some > 64) out[place / 64 + 1] |= bits >> (64 - place % 64);
        }
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
        // A row of numbers, one for each pixel, is moved as it is.
        const bool whole_rows = type.channels == 1 && type.kind != Kind::bits;
        for (int y = 0; y < type.height; ++y)
            if (whole_rows) copy(input, pixel(arena, input, y, 0), 0, type.width, to, y * type.width);
        for (int y = 0; y < type.height && !whole_rows; ++y)
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
        for (const Layout& input : inputs_) {
            copy(input, pixel(arena, input, y, x), 0, input.type.channels, to, target);
            target += input.type.channels;
        }
    }
};

// Element rows[y] + columns[x] + channels[k] of the input, or `fill` where one of the three is -1.
class Move final : public MoveStep {
public:
    explicit Move(const StepContext& context)
        : MoveStep(context),
          rows_(places(context.node, "rows", output_.type.height)),
          columns_(places(context.node, "columns", output_.type.width)),
          channels_(places(context.node, "channels", output_.type.channels)),
          filled_((output_.pixel_elements() * output_.element_bytes() + 7) / 8) {
        fill(context.node.attributes.at("fill")[0]);
        for (std::size_t k = 0; k < channels_.size(); ++k)
            is_run_ &= channels_[0] >= 0 && channels_[k] - channels_[0] == static_cast<int>(k);
    }

private:
    // Elements that are next to each other in memory (a pixel of bits or a row of numbers), and the
    // index of one of them.
    struct Stretch {
        const std::byte* start;
        int inside;
    };

    static std::vector<std::int32_t> places(const Node& node, const char* name, int count) {
        const auto* from = node.tensors.at(name).as<std::int32_t>();
        return {from, from + count};
    }

    // Makes the output pixel into which nothing is moved.
    void fill(double number) {
        auto* pixel = reinterpret_cast<std::byte*>(filled_.data());
        const auto put = [&](auto value) {
            for (int k = 0; k < output_.type.channels; ++k)
                std::memcpy(pixel + k * sizeof value, &value, sizeof value);
        };
        switch (output_.type.kind) {
            case Kind::u8: return put(static_cast<std::uint8_t>(number));
            case Kind::i32: return put(static_cast<std::int32_t>(number));
            case Kind::f32: return put(static_cast<float>(number));
            case Kind::bits:
                for (int k = 0; k < output_.type.channels; ++k)
                    filled_[k / 64] |= std::uint64_t{number > 0} << (k % 64);
        }
    }

    void run(const Arena& arena, Part part, void*) const override {
        const auto [row, row_end] = part.of(output_.type.height);
        for (int y = row; y < row_end; ++y)
            for (int x = 0; x < output_.type.width; ++x) move_pixel(arena, y, x);
    }

    void move_pixel(const Arena& arena, int y, int x) const {
        std::byte* to = pixel(arena, output_, y, x);
        if (rows_[y] < 0 || columns_[x] < 0) {
            std::memcpy(to, filled_.data(), output_.pixel_elements() * output_.element_bytes());
            return;
        }
        if (output_.type.kind == Kind::bits) clear(to);
        const int first = rows_[y] + columns_[x];
        if (is_run_)
            move_run(arena, first + channels_[0], to);
        else
            move_each(arena, first, to);
    }

    int stretch_length() const {
        const ValueType& type = inputs_[0].type;
        return type.kind == Kind::bits ? type.channels : type.width * type.channels;
    }

    Stretch stretch_of(const Arena& arena, int element) const {
        const int number = element / stretch_length(), inside = element % stretch_length();
        const Layout& input = inputs_[0];
        if (input.type.kind != Kind::bits) return {pixel(arena, input, number, 0), inside};
        return {pixel(arena, input, number / input.type.width, number % input.type.width), inside};
    }

    void move_each(const Arena& arena, int first, std::byte* to) const {
        const Stretch near = stretch_of(arena, first);
        const auto* filled = reinterpret_cast<const std::byte*>(filled_.data());
        const int left = stretch_length() - near.inside;
        for (int k = 0; k < output_.type.channels; ++k) {
            const int offset = channels_[k];
            if (offset < 0) {
                move(output_, filled, k, to, k);
            } else if (offset < left) {
                move(inputs_[0], near.start, near.inside + offset, to, k);
            } else {
                const Stretch far = stretch_of(arena, first + offset);
                move(inputs_[0], far.start, far.inside, to, k);
            }
        }
    }

    // Moves all channels from an element on, one stretch after the other.
    void move_run(const Arena& arena, int element, std::byte* to) const {
        for (int k = 0, count = 0; k < output_.type.channels; k += count) {
            const Stretch from = stretch_of(arena, element + k);
            count = std::min(output_.type.channels - k, stretch_length() - from.inside);
            copy(inputs_[0], from.start, from.inside, count, to, k);
        }
    }

    std::vector<std::int32_t> rows_, columns_, channels_;
    std::vector<std::uint64_t> filled_;
    bool is_run_ = true;  // whether the channels of a pixel are one after the other
};

template <typename T>
std::unique_ptr<Step> make(const StepContext& context) {
    return std::make_unique<T>(context);
}

[[maybe_unused]] const bool registered =
    add_step("flatten", make<Flatten>) && add_step("concat", make<Concat>) &&
    add_step("move", make<Move>);

}  // namespace
}  // namespace bnn
