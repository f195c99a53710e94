// Depthwise convolution of real numbers: one filter for each channel, so vectors run over the channels
// of a pixel. Included as broadcast.h, after it.

namespace bnn {
namespace {

class ConvF32Depthwise final : public ConvF32 {
    static constexpr int lanes = Lanes::lanes;

public:
    explicit ConvF32Depthwise(const ConvF32Spec& spec) : geometry_(spec.geometry) {
        const Geometry& g = geometry_;
        for (int i = 0; i < g.kernel_height; ++i)
            for (int j = 0; j < g.kernel_width; ++j)
                offsets_.push_back(i * g.dilation_y * g.row_stride +
                                   static_cast<std::ptrdiff_t>(j) * g.dilation_x * g.in_channels);
        weight_.resize(static_cast<std::size_t>(g.taps()) * width());
        for (int tap = 0; tap < g.taps(); ++tap)
            for (int channel = 0; channel < g.out_channels; ++channel)
                weight_.data()[tap * width() + channel] =
                    spec.weight[static_cast<std::size_t>(channel) * g.taps() + tap];
    }

    static std::unique_ptr<ConvF32> make(const ConvF32Spec& spec) {
        if (!spec.geometry.is_depthwise()) return nullptr;
        return std::make_unique<ConvF32Depthwise>(spec);
    }

    void run(const float* input, const Region& region, const Numbers& output) const override {
        const Geometry& g = geometry_;
        float* to = output.at;
        for (int y = region.row; y < region.row_end; ++y) {
            const float* pixel = input + y * g.stride_y * g.row_stride;
            for (int x = 0; x < g.out_width; ++x, to += output.stride) {
                for (int channel = 0; channel < g.out_channels; channel += lanes)
                    Lanes::store(to + channel, total(pixel + channel, channel));
                pixel += static_cast<std::ptrdiff_t>(g.stride_x) * g.in_channels;
            }
        }
    }

private:
    int width() const { return (geometry_.out_channels + lanes - 1) / lanes * lanes; }

    typename Lanes::Numbers total(const float* pixel, int channel) const {
        auto sum = Lanes::zero();
        const float* weight = weight_.data() + channel;
        for (const std::ptrdiff_t offset : offsets_) {
            sum = Lanes::multiply_add(Lanes::load(pixel + offset), Lanes::load(weight), sum);
            weight += width();
        }
        return sum;
    }

    Geometry geometry_;
    std::vector<std::ptrdiff_t> offsets_;  // from a pixel to each tap
    AlignedVector<float> weight_;          // [tap][channel]
};

}  // namespace
}  // namespace bnn
