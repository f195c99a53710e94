// Operations on each number by itself.
#include <cmath>
#include <type_traits>

#include "engine/step.h"
#include "kernels/real/contract.h"

namespace bnn {
namespace {

// Runs a function over the pixels in this thread's rows.
template <typename Function>
void each_pixel(const Layout& layout, Part part, Function function) {
    const auto [row, row_end] = part.of(layout.type.height);
    for (int y = row; y < row_end; ++y)
        for (int x = 0; x < layout.type.width; ++x) function(y, x);
}

class NumberStep : public Step {
public:
    explicit NumberStep(const StepContext& context)
        : node_(context.node),
          inputs_(context.inputs),
          output_(context.output),
          loops_(real_loops(context.isa)) {}

protected:
    const float* tensor(const char* name) const { return node_.tensors.at(name).as<float>(); }
    int channels() const { return output_.type.channels; }

    Node node_;  // a copy: the graph is gone after loading
    std::vector<Layout> inputs_;
    Layout output_;
    const RealLoops& loops_;
};

// Works on a row at a time, because pixels have few channels.
class Normalize final : public NumberStep {
public:
    explicit Normalize(const StepContext& context) : NumberStep(context) {
        for (int x = 0; x < output_.type.width; ++x) {
            scale_.insert(scale_.end(), tensor("scale"), tensor("scale") + channels());
            bias_.insert(bias_.end(), tensor("bias"), tensor("bias") + channels());
        }
    }

private:
    void run(const Arena& arena, Part part, void*) const override {
        const auto [row, row_end] = part.of(output_.type.height);
        for (int y = row; y < row_end; ++y)
            loops_.normalize(arena.at<std::uint8_t>(inputs_[0], y, 0), scale_.data(),
                             bias_.data(), arena.at<float>(output_, y, 0),
                             static_cast<int>(scale_.size()));
    }

    std::vector<float> scale_, bias_;  // one for every number of a row
};

template <typename T>
class Affine final : public NumberStep {
    using NumberStep::NumberStep;
    void run(const Arena& arena, Part part, void*) const override {
        const float *scale = tensor("scale"), *bias = tensor("bias");
        each_pixel(output_, part, [&](int y, int x) {
            const T* from = arena.at<T>(inputs_[0], y, x);
            float* to = arena.at<float>(output_, y, x);
            if constexpr (std::is_same_v<T, float>)
                loops_.affine_f32(from, scale, bias, to, channels());
            else
                loops_.affine_i32(from, scale, bias, to, channels());
        });
    }
};

template <typename T>
class Threshold final : public NumberStep {
    using NumberStep::NumberStep;
    using Limit = std::conditional_t<std::is_same_v<T, float>, float, std::int32_t>;

    void run(const Arena& arena, Part part, void*) const override {
        const auto* threshold = node_.tensors.at("threshold").template as<Limit>();
        const auto* below = node_.tensors.at("below").template as<std::uint64_t>();
        each_pixel(output_, part, [&](int y, int x) {
            const T* from = arena.at<T>(inputs_[0], y, x);
            auto* to = arena.at<std::uint64_t>(output_, y, x);
            if constexpr (std::is_same_v<T, float>)
                loops_.threshold_f32(from, threshold, below, to, channels());
            else if constexpr (std::is_same_v<T, std::int32_t>)
                loops_.threshold_i32(from, threshold, below, to, channels());
            else
                compare_pixel(from, threshold, below, to);
        });
    }

    void compare_pixel(const T* from, const Limit* threshold, const std::uint64_t* below,
                       std::uint64_t* to) const {
        for (int word = 0; word < words_for(channels()); ++word) to[word] = 0;
        for (int c = 0; c < channels(); ++c) {
            const bool is_below = below[c / 64] >> (c % 64) & 1;
            const bool bit = is_below ? from[c] < threshold[c] : from[c] > threshold[c];
            to[c / 64] |= std::uint64_t{bit} << (c % 64);
        }
    }
};

class Flip final : public NumberStep {
    using NumberStep::NumberStep;
    void run(const Arena& arena, Part part, void*) const override {
        const auto* mask = node_.tensors.at("mask").as<std::uint64_t>();
        each_pixel(output_, part, [&](int y, int x) {
            const auto* from = arena.at<std::uint64_t>(inputs_[0], y, x);
            auto* to = arena.at<std::uint64_t>(output_, y, x);
            for (int word = 0; word < words_for(channels()); ++word)
                to[word] = from[word] ^ mask[word];
        });
    }
};

class Signs final : public NumberStep {
    using NumberStep::NumberStep;
    void run(const Arena& arena, Part part, void*) const override {
        each_pixel(output_, part, [&](int y, int x) {
            const auto* from = arena.at<std::uint64_t>(inputs_[0], y, x);
            float* to = arena.at<float>(output_, y, x);
            loops_.signs(from, to, channels());
        });
    }
};

class Clamp final : public NumberStep {
    using NumberStep::NumberStep;
    void run(const Arena& arena, Part part, void*) const override {
        const auto low = static_cast<float>(node_.attributes.at("low")[0]);
        const auto high = static_cast<float>(node_.attributes.at("high")[0]);
        each_pixel(output_, part, [&](int y, int x) {
            const float* from = arena.at<float>(inputs_[0], y, x);
            float* to = arena.at<float>(output_, y, x);
            loops_.clamp(from, low, high, to, channels());
        });
    }
};

class Prelu final : public NumberStep {
    using NumberStep::NumberStep;
    void run(const Arena& arena, Part part, void*) const override {
        const float* slope = tensor("slope");
        each_pixel(output_, part, [&](int y, int x) {
            const float* from = arena.at<float>(inputs_[0], y, x);
            float* to = arena.at<float>(output_, y, x);
            loops_.prelu(from, slope, to, channels());
        });
    }
};

class Add final : public NumberStep {
    using NumberStep::NumberStep;
    void run(const Arena& arena, Part part, void*) const override {
        each_pixel(output_, part, [&](int y, int x) {
            const float* left = arena.at<float>(inputs_[0], y, x);
            const float* right = arena.at<float>(inputs_[1], y, x);
            float* to = arena.at<float>(output_, y, x);
            loops_.add(left, right, to, channels());
        });
    }
};

class Softmax final : public NumberStep {
    using NumberStep::NumberStep;
    void run(const Arena& arena, Part part, void*) const override {
        each_pixel(output_, part, [&](int y, int x) {
            row(arena.at<float>(inputs_[0], y, x), arena.at<float>(output_, y, x));
        });
    }
    void row(const float* from, float* to) const {
        float highest = from[0], total = 0;
        for (int c = 1; c < channels(); ++c)
            if (from[c] > highest || std::isnan(from[c])) highest = from[c];
        for (int c = 0; c < channels(); ++c) {
            to[c] = from[c] - highest;
            total += std::exp(to[c]);
        }
        const bool is_log = node_.op == "log_softmax";
        const float log_total = std::log(total);
        for (int c = 0; c < channels(); ++c)
            to[c] = is_log ? to[c] - log_total : std::exp(to[c]) / total;
    }
};

template <typename T>
std::unique_ptr<Step> make(const StepContext& context) {
    return std::make_unique<T>(context);
}

// Makes the step for an input of 32-bit integers or of floats.
template <template <typename> class T>
std::unique_ptr<Step> make_for_input(const StepContext& context) {
    if (context.inputs[0].type.kind == Kind::i32)
        return std::make_unique<T<std::int32_t>>(context);
    return std::make_unique<T<float>>(context);
}

std::unique_ptr<Step> make_threshold(const StepContext& context) {
    if (context.inputs[0].type.kind == Kind::u8) return make<Threshold<std::uint8_t>>(context);
    return make_for_input<Threshold>(context);
}

[[maybe_unused]] const bool registered =
    add_step("normalize", make<Normalize>) && add_step("affine", make_for_input<Affine>) &&
    add_step("threshold", make_threshold) && add_step("flip", make<Flip>) &&
    add_step("signs", make<Signs>) && add_step("clamp", make<Clamp>) &&
    add_step("prelu", make<Prelu>) && add_step("add", make<Add>) &&
    add_step("softmax", make<Softmax>) && add_step("log_softmax", make<Softmax>);

}  // namespace
}  // namespace bnn
