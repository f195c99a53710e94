// Convolutions with integer sums.
#include "engine/conv_step.h"
#include "kernels/conv_bits/contract.h"
#include "kernels/conv_u8/contract.h"

namespace bnn {
namespace {

// Thresholds in the form of the kernels. There are none where no threshold is folded.
class FoldedThreshold {
public:
    explicit FoldedThreshold(const Node* node) : given_(node != nullptr && node->op == "threshold") {
        if (given_)
            thresholds_ = {node->tensors.at("threshold").as<std::int32_t>(),
                           node->tensors.at("below").as<std::uint64_t>()};
    }
    const Thresholds* get() const { return given_ ? &thresholds_ : nullptr; }

private:
    bool given_;
    Thresholds thresholds_{};
};

// Derived defines run_kernel(arena, region, output, scratch).
template <typename Derived>
class IntegerConvStep : public ConvStep<Derived, true> {
    using Base = ConvStep<Derived, true>;

public:
    using Base::Base;

    void run_direct(const Arena& arena, const Region& region, void* scratch) const {
        const Layout& to = this->output_;
        const bool sums = to.type.kind == Kind::i32;
        const ConvOutput output =
            sums ? ConvOutput::of_sums(arena.at<std::int32_t>(to), to.type.channels, 0, false)
                 : ConvOutput::of_bits(arena.at<std::uint64_t>(to), to.row_stride());
        derived().run_kernel(arena, region, output, scratch);
    }

    void run_strip(const Arena& arena, const Region& strip, void* sums, std::ptrdiff_t stride,
                   void* scratch) const {
        const auto output =
            ConvOutput::of_sums(static_cast<std::int32_t*>(sums), stride, strip.row, true);
        derived().run_kernel(arena, strip, output, scratch);
    }

private:
    const Derived& derived() const { return static_cast<const Derived&>(*this); }
};

class ConvBitsStep final : public IntegerConvStep<ConvBitsStep> {
public:
    static constexpr int weight_bits = 1;

    explicit ConvBitsStep(const StepContext& context) : IntegerConvStep(context) {
        const FoldedThreshold folded(context.folded);
        kernel_ = ConvBitsTable::make(
            context.isa, {geometry_, context.node.number("padding_value"),
                          context.node.tensors.at("weight").as<std::uint64_t>(), folded.get()});
    }
    std::size_t kernel_scratch() const { return kernel_->scratch_bytes(); }
    void run_kernel(const Arena& arena, const Region& region, const ConvOutput& output,
                    void* scratch) const {
        kernel_->run(first_tap<std::uint64_t>(arena), region, output, scratch);
    }

private:
    std::unique_ptr<ConvBits> kernel_;
};

class ConvU8Step final : public IntegerConvStep<ConvU8Step> {
public:
    static constexpr int weight_bits = 8;  // as kernels have them

    explicit ConvU8Step(const StepContext& context) : IntegerConvStep(context) {
        const FoldedThreshold folded(context.folded);
        kernel_ = ConvU8Table::make(
            context.isa, {geometry_, context.node.number("multiplier"),
                          context.node.number("offset"),
                          context.node.tensors.at("weight").as<std::uint64_t>(), folded.get()});
    }
    std::size_t kernel_scratch() const { return 0; }
    void run_kernel(const Arena& arena, const Region& region, const ConvOutput& output,
                    void*) const {
        kernel_->run(first_tap<std::uint8_t>(arena), region, output);
    }

private:
    std::unique_ptr<ConvU8> kernel_;
};

template <typename T>
std::unique_ptr<Step> make(const StepContext& context) {
    return std::make_unique<T>(context);
}

[[maybe_unused]] const bool registered =
    add_step("conv_bits", make<ConvBitsStep>) && add_step("conv_u8", make<ConvU8Step>);

}  // namespace
}  // namespace bnn
