// Depthwise binary convolution: one filter for each channel. A word has a bit of each of 64 channels, so
// counts are bit-sliced: plane k holds bit k of all 64 counts. A tap is added to the planes as a binary
// number is incremented, and counts are compared with limits plane by plane.
//
// The file of an instruction set includes this file with that set as the target of the compiler. It
// first defines
//   write_sums<count of planes>(planes, at_zero, to)   at_zero - 2 * count for 64 channels

namespace bnn {
namespace {

class ConvBitsDepthwise final : public ConvBits {
    // For windows of up to 255 taps.
    static constexpr int most_planes = 8;

public:
    explicit ConvBitsDepthwise(const ConvBitsSpec& spec)
        : geometry_(spec.geometry),
          rule_(spec),
          words_(words_for(geometry_.out_channels)),
          planes_(std::bit_width(static_cast<unsigned>(geometry_.taps() + 1))) {
        locate_taps();
        reorder_weights();
        reorder_rule();
    }

    static std::unique_ptr<ConvBits> make(const ConvBitsSpec& spec) {
        if (!is_small_depthwise(spec.geometry)) return nullptr;
        return std::make_unique<ConvBitsDepthwise>(spec);
    }

    void run(const std::uint64_t* input, const Region& region, const ConvOutput& output,
             void*) const override {
        switch (planes_) {
            case 2: return run_planes<2>(input, region, output);
            case 3: return run_planes<3>(input, region, output);
            case 4: return run_planes<4>(input, region, output);
            case 5: return run_planes<5>(input, region, output);
            default: return run_planes<most_planes>(input, region, output);
        }
    }

private:
    using Planes = std::array<std::uint64_t, most_planes>;

    template <int planes>
    void run_planes(const std::uint64_t* input, const Region& region,
                    const ConvOutput& output) const {
        const Geometry& g = geometry_;
        for (int y = region.row; y < region.row_end; ++y) {
            for (int x = 0; x < g.out_width; ++x) {
                const std::uint64_t* pixel = input + y * g.stride_y * g.row_stride +
                                             static_cast<std::ptrdiff_t>(x) * g.stride_x * words_;
                for (int word = 0; word < words_; ++word)
                    run_word<planes>(pixel + word, y, x, word, output);
            }
        }
    }

    void locate_taps() {
        const Geometry& g = geometry_;
        for (int i = 0; i < g.kernel_height; ++i)
            for (int j = 0; j < g.kernel_width; ++j)
                taps_.push_back(i * g.dilation_y * g.row_stride +
                                static_cast<std::ptrdiff_t>(j) * g.dilation_x * words_);
    }

    void reorder_weights() {
        weights_.resize(taps_.size() * words_);
        for (std::size_t place = 0; place < rule_.weight.size(); ++place) {
            const std::size_t channel = place / taps_.size(), tap = place % taps_.size();
            weights_[channel / 64 * taps_.size() + tap] |= rule_.weight[place] << channel % 64;
        }
    }

    void reorder_rule() {
        const int channels = geometry_.out_channels;
        at_zero_.resize(static_cast<std::size_t>(rule_.classes.count()) * words_ * 64);
        limits_.resize(static_cast<std::size_t>(rule_.classes.count()) * words_);
        for (int border_class = 0; border_class < rule_.classes.count(); ++border_class) {
            for (int channel = 0; channel < channels; ++channel) {
                const std::size_t from = static_cast<std::size_t>(border_class) * channels + channel;
                const std::size_t word = border_class * words_ + channel / 64;
                at_zero_[word * 64 + channel % 64] = rule_.sum_at_zero[from];
                if (rule_.limit.empty()) continue;
                for (int plane = 0; plane < planes_; ++plane)
                    limits_[word][plane] |= (static_cast<std::uint64_t>(rule_.limit[from]) >> plane & 1)
                                            << channel % 64;
            }
        }
    }

    template <int planes>
    void run_word(const std::uint64_t* input, int y, int x, int word,
                  const ConvOutput& output) const {
        Planes counts{};
        const std::uint64_t* weight = weights_.data() + word * taps_.size();
        for (const std::ptrdiff_t tap : taps_) {
            std::uint64_t carry = input[tap] ^ *weight++;
            BNN_UNROLLED for (int plane = 0; plane < planes; ++plane) {
                const std::uint64_t both = counts[plane] & carry;
                counts[plane] ^= carry;
                carry = both;
            }
        }
        const std::size_t rule = static_cast<std::size_t>(rule_.classes.of(y, x)) * words_ + word;
        if (output.sums == nullptr)
            output.bits[y * output.bits_row_stride + x * words_ + word] =
                below<planes>(counts, limits_[rule]);
        else
            store_sums<planes>(counts, rule, word, output.sums_at(geometry_, y, x) + word * 64,
                       output.has_room);
    }

    // For each channel, whether its count is below its limit: the highest plane that differs decides.
    template <int planes>
    static std::uint64_t below(const Planes& counts, const Planes& limits) {
        std::uint64_t less = 0;
        BNN_UNROLLED for (int plane = 0; plane < planes; ++plane) {
            const std::uint64_t differ = counts[plane] ^ limits[plane];
            less = (less & ~differ) | (limits[plane] & differ);
        }
        return less;
    }

    template <int planes>
    void store_sums(const Planes& counts, std::size_t rule, int word, std::int32_t* to,
                    bool has_room) const {
        const int channels = std::min(geometry_.out_channels - word * 64, 64);
        if (channels == 64 || has_room)
            return write_sums<planes>(counts.data(), at_zero_.data() + rule * 64, to);
        std::array<std::int32_t, 64> sums;
        write_sums<planes>(counts.data(), at_zero_.data() + rule * 64, sums.data());
        std::copy_n(sums.data(), channels, to);
    }

    Geometry geometry_;
    CountRule rule_;
    int words_, planes_;
    std::vector<std::ptrdiff_t> taps_;    // from a pixel to each tap
    std::vector<std::uint64_t> weights_;  // [word][tap]
    std::vector<std::int32_t> at_zero_;   // [class][channel]
    std::vector<Planes> limits_;          // [class][word]
};

}  // namespace
}  // namespace bnn
