// Functions of one real number, and of two.
#include <cmath>
#include <map>

#include "engine/step.h"

namespace bnn {
namespace {

using UnaryLoop = void (*)(const float* from, float* to, int count);
// A loop over numbers that are `left_step` and `right_step` apart; 0 where one number is repeated.
using BinaryLoop = void (*)(const float* left, int left_step, const float* right, int right_step,
                            float* to, int count);

template <typename Function>
UnaryLoop each(Function) {
    return [](const float* from, float* to, int count) {
        for (int k = 0; k < count; ++k) to[k] = Function{}(from[k]);
    };
}

template <typename Function>
BinaryLoop each_pair(Function) {
    return [](const float* left, int left_step, const float* right, int right_step, float* to,
              int count) {
        for (std::ptrdiff_t k = 0; k < count; ++k)
            to[k] = Function{}(left[k * left_step], right[k * right_step]);
    };
}

// NaN stays in all of them.
UnaryLoop unary_loop(const std::string& function) {
    static const std::map<std::string, UnaryLoop> loops = {
        {"abs", each([](float x) { return std::fabs(x); })},
        {"cos", each([](float x) { return std::cos(x); })},
        {"elu", each([](float x) { return x > 0 ? x : std::expm1(x); })},
        {"erf", each([](float x) { return std::erf(x); })},
        {"exp", each([](float x) { return std::exp(x); })},
        {"floor", each([](float x) { return std::floor(x); })},
        {"log", each([](float x) { return std::log(x); })},
        {"reciprocal", each([](float x) { return 1 / x; })},
        {"round", each([](float x) { return std::rint(x); })},
        {"sigmoid", each([](float x) { return 1 / (1 + std::exp(-x)); })},
        {"sign", each([](float x) { return x > 0 ? 1.0F : x < 0 ? -1.0F : x == 0 ? 0.0F : x; })},
        {"sin", each([](float x) { return std::sin(x); })},
        {"softplus", each([](float x) {
             return (x > 0 ? x : 0) + std::log1p(std::exp(-std::fabs(x)));
         })},
        {"sqrt", each([](float x) { return std::sqrt(x); })},
        {"tanh", each([](float x) { return std::tanh(x); })},
    };
    return loops.at(function);
}

BinaryLoop binary_loop(const std::string& function) {
    static const std::map<std::string, BinaryLoop> loops = {
        {"add", each_pair([](float x, float y) { return x + y; })},
        {"divide", each_pair([](float x, float y) { return x / y; })},
        {"masked", each_pair([](float x, float y) { return y < 0 || y > 0 ? x : 0.0F; })},
        {"maximum", each_pair([](float x, float y) { return x > y || std::isnan(x) ? x : y; })},
        {"minimum", each_pair([](float x, float y) { return x < y || std::isnan(x) ? x : y; })},
        {"multiply", each_pair([](float x, float y) { return x * y; })},
    };
    return loops.at(function);
}

class Unary final : public Step {
public:
    explicit Unary(const StepContext& context)
        : input_(context.inputs[0]),
          output_(context.output),
          loop_(unary_loop(context.node.names.at("function")[0])) {}

private:
    // Real numbers have no border, so a row is one piece of memory.
    void run(const Arena& arena, Part part, void*) const override {
        const auto [row, row_end] = part.of(output_.type.height);
        for (int y = row; y < row_end; ++y)
            loop_(arena.at<float>(input_, y, 0), arena.at<float>(output_, y, 0),
                  output_.type.width * output_.type.channels);
    }

    Layout input_, output_;
    UnaryLoop loop_;
};

class Binary final : public Step {
public:
    explicit Binary(const StepContext& context)
        : left_(context.inputs[0]),
          right_(context.inputs[1]),
          output_(context.output),
          loop_(binary_loop(context.node.names.at("function")[0])) {}

private:
    void run(const Arena& arena, Part part, void*) const override {
        const auto [row, row_end] = part.of(output_.type.height);
        for (int y = row; y < row_end; ++y)
            for (int x = 0; x < output_.type.width; ++x)
                loop_(at(arena, left_, y, x), step(left_), at(arena, right_, y, x), step(right_),
                      arena.at<float>(output_, y, x), output_.type.channels);
    }

    // A side of 1 is repeated for all positions.
    static const float* at(const Arena& arena, const Layout& input, int y, int x) {
        return arena.at<float>(input, input.type.height == 1 ? 0 : y, input.type.width == 1 ? 0 : x);
    }
    static int step(const Layout& input) { return input.type.channels == 1 ? 0 : 1; }

    Layout left_, right_, output_;
    BinaryLoop loop_;
};

template <typename T>
std::unique_ptr<Step> make(const StepContext& context) {
    return std::make_unique<T>(context);
}

[[maybe_unused]] const bool registered =
    add_step("unary", make<Unary>) && add_step("binary", make<Binary>);

}  // namespace
}  // namespace bnn
