// Convolutions with integer sums.
#include "engine/conv_step.h"
#include "engine/linear_step.h"
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

// What a LinearStep needs of integer convolutions.
template <typename GivenKernel, typename GivenElement>
struct IntegerConv {
    using Kernel = GivenKernel;
    using Element = GivenElement;
    using Output = ConvOutput;
    static constexpr bool is_integer = true;
    static constexpr int row_samples = 4;  // as the tiles of most kernels have positions

    static ConvOutput numbers(void* to, std::ptrdiff_t stride) {
        return ConvOutput::of_sums(static_cast<std::int32_t*>(to), stride, 0, true);
    }
    static bool suits_groups(const Kernel& kernel, const std::string& isa) {
        return kernel.suits_groups(isa);
    }
    static std::size_t scratch_bytes(const Kernel& kernel) { return kernel.scratch_bytes(); }
    static void run(const Kernel& kernel, const Element* input, const Region& region,
                    const ConvOutput& output, void* scratch) {
        kernel.run(input, region, output, scratch);
    }
};

struct BitsConv : IntegerConv<ConvBits, std::uint64_t> {
    static std::unique_ptr<Kernel> make(const StepContext& context, const Geometry& geometry) {
        const FoldedThreshold folded(context.folded);
        return ConvBitsTable::make(
            context.isa, {geometry, context.node.number("padding_value"),
                          context.node.tensors.at("weight").as<std::uint64_t>(), folded.get()});
    }
};

struct PixelsConv : IntegerConv<ConvU8, std::uint8_t> {
    static std::unique_ptr<Kernel> make(const StepContext& context, const Geometry& geometry) {
        const FoldedThreshold folded(context.folded);
        return ConvU8Table::make(
            context.isa,
            {geometry, context.node.number("multiplier"), context.node.number("offset"),
             context.node.tensors.at("weight").as<std::uint64_t>(), folded.get()});
    }
};

template <typename Conv>
class IntegerConvStep final : public ConvStep<IntegerConvStep<Conv>, true> {
    using Element = typename Conv::Element;

public:
    explicit IntegerConvStep(const StepContext& context)
        : ConvStep<IntegerConvStep, true>(context), kernel_(Conv::make(context, this->geometry_)) {}

    std::size_t kernel_scratch() const { return Conv::scratch_bytes(*kernel_); }

    void run_direct(const Arena& arena, const Region& region, void* scratch) const {
        const Layout& to = this->output_;
        const bool sums = to.type.kind == Kind::i32;
        run_kernel(arena, region,
                   sums ? ConvOutput::of_sums(arena.at<std::int32_t>(to), to.type.channels, 0, false)
                        : ConvOutput::of_bits(arena.at<std::uint64_t>(to), to.row_stride()),
                   scratch);
    }

    void run_strip(const Arena& arena, const Region& strip, void* sums, std::ptrdiff_t stride,
                   void* scratch) const {
        run_kernel(arena, strip,
                   ConvOutput::of_sums(static_cast<std::int32_t*>(sums), stride, strip.row, true),
                   scratch);
    }

private:
    void run_kernel(const Arena& arena, const Region& region, const ConvOutput& output,
                    void* scratch) const {
        Conv::run(*kernel_, this->template first_tap<Element>(arena), region, output, scratch);
    }

    std::unique_ptr<typename Conv::Kernel> kernel_;
};

template <typename Conv>
std::unique_ptr<Step> make(const StepContext& context) {
    if (shares_weights(context)) return std::make_unique<LinearStep<Conv>>(context);
    return std::make_unique<IntegerConvStep<Conv>>(context);
}

[[maybe_unused]] const bool registered =
    add_step("conv_bits", make<BitsConv>) && add_step("conv_u8", make<PixelsConv>);

}  // namespace
}  // namespace bnn
