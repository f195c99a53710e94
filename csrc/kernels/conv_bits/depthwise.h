// Depthwise binary convolution: one filter for each channel. A word has a bit of each of 64 channels, so
// counts are bit-sliced: plane k holds bit k of all 64 counts. Taps are added to the planes as binary
// numbers are, two at a time, and counts are compared with limits plane by plane.
//
// The file of an instruction set includes this file with that set as the target of the compiler. It
// first defines
//   Words                          vectors of `count` words: load, store, both, either, one_of (XOR),
//                                  second_only(a, b), which is ~a & b, and zero
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
    using Vector = typename Words::Vector;

    // Words that follow each other in the map, for positions of one class: the words of a pixel, or
    // those of several pixels.
    struct Run {
        const std::uint64_t* input;
        int words;
        int border_class;
    };

    template <int planes>
    void run_planes(const std::uint64_t* input, const Region& region,
                    const ConvOutput& output) const {
        const Geometry& g = geometry_;
        for (int y = region.row; y < region.row_end; ++y) {
            const std::uint64_t* row = input + y * g.stride_y * g.row_stride;
            for (int x = 0, end; x < g.out_width; x = end) {
                end = end_of_run(x);
                const Run run{row + static_cast<std::ptrdiff_t>(x) * g.stride_x * words_,
                              (end - x) * words_, rule_.classes.of(y, x)};
                if (output.sums != nullptr)
                    sum_run<planes>(run, y, x, output);
                else
                    threshold_run<planes>(
                        run, output.bits + y * output.bits_row_stride + x * words_);
            }
        }
    }

    int end_of_run(int x) const {
        const int column_class = rule_.classes.of_column(x);
        int end = x + 1;
        while (geometry_.stride_x == 1 && end < geometry_.out_width &&
               rule_.classes.of_column(end) == column_class)
            ++end;
        return end;
    }

    void locate_taps() {
        const Geometry& g = geometry_;
        for (int i = 0; i < g.kernel_height; ++i)
            for (int j = 0; j < g.kernel_width; ++j)
                taps_.push_back(i * g.dilation_y * g.row_stride +
                                static_cast<std::ptrdiff_t>(j) * g.dilation_x * words_);
    }

    // The words of a row of weights or limits, repeated so that a vector may begin at each of them.
    int repeated() const { return words_ + Words::count; }

    // [tap][word]
    void reorder_weights() {
        weights_.resize(taps_.size() * repeated());
        for (std::size_t place = 0; place < rule_.weight.size(); ++place) {
            const std::size_t channel = place / taps_.size(), tap = place % taps_.size();
            weights_[tap * repeated() + channel / 64] |= rule_.weight[place] << channel % 64;
        }
        for (std::size_t tap = 0; tap < taps_.size(); ++tap) repeat(&weights_[tap * repeated()]);
    }

    void repeat(std::uint64_t* row) const {
        for (int word = words_; word < repeated(); ++word) row[word] = row[word - words_];
    }

    // [class][channel], and [class][plane][word]
    void reorder_rule() {
        const int channels = geometry_.out_channels, classes = rule_.classes.count();
        at_zero_.resize(static_cast<std::size_t>(classes) * words_ * 64);
        limits_.resize(static_cast<std::size_t>(classes) * planes_ * repeated());
        for (int place = 0; place < classes * channels; ++place) {
            const int border_class = place / channels, channel = place % channels;
            at_zero_[static_cast<std::size_t>(border_class) * words_ * 64 + channel] =
                rule_.sum_at_zero[place];
            if (rule_.limit.empty()) continue;
            for (int plane = 0; plane < planes_; ++plane)
                limits_[limits_offset(border_class, plane) + channel / 64] |=
                    (static_cast<std::uint64_t>(rule_.limit[place]) >> plane & 1) << channel % 64;
        }
        for (int plane = 0; plane < classes * planes_; ++plane) repeat(&limits_[plane * repeated()]);
    }

    std::size_t limits_offset(int border_class, int plane) const {
        return (static_cast<std::size_t>(border_class) * planes_ + plane) * repeated();
    }

    // Counts of a vector of words, whose first is word `first` of its pixel.
    template <int planes>
    void count(const std::uint64_t* input, int first, Vector (&counts)[planes]) const {
        BNN_UNROLLED for (int plane = 0; plane < planes; ++plane) counts[plane] = Words::zero();
        const std::uint64_t* weight = weights_.data() + first;
        const auto differing = [&](std::size_t tap) {
            return Words::one_of(Words::load(input + taps_[tap]),
                                 Words::load(weight + tap * repeated()));
        };
        std::size_t tap = 0;
        for (; tap + 2 <= taps_.size(); tap += 2) {
            const Vector a = differing(tap), b = differing(tap + 1), one = Words::one_of(a, b);
            const Vector carry = Words::either(Words::both(a, b), Words::both(counts[0], one));
            counts[0] = Words::one_of(counts[0], one);
            add<planes>(counts, 1, carry);
        }
        if (tap < taps_.size()) add<planes>(counts, 0, differing(tap));
    }

    // Adds 2^first where a bit is set.
    template <int planes>
    static void add(Vector (&counts)[planes], int first, Vector carry) {
        BNN_UNROLLED for (int plane = 0; plane < planes; ++plane) {
            if (plane < first) continue;
            const Vector both = Words::both(counts[plane], carry);
            counts[plane] = Words::one_of(counts[plane], carry);
            carry = both;
        }
    }

    template <int planes>
    void threshold_run(const Run& run, std::uint64_t* to) const {
        for (int word = 0, first = 0; word < run.words; word += Words::count) {
            Vector counts[planes];
            count<planes>(run.input + word, first, counts);
            const Vector bits =
                below<planes>(counts, limits_.data() + limits_offset(run.border_class, 0) + first);
            if (run.words - word >= Words::count) {
                Words::store(to + word, bits);
            } else {
                std::uint64_t some[Words::count];
                Words::store(some, bits);
                std::copy_n(some, run.words - word, to + word);
            }
            first = (first + Words::count) % words_;
        }
    }

    // For each channel, whether its count is below its limit: the highest plane that differs decides.
    template <int planes>
    Vector below(const Vector (&counts)[planes], const std::uint64_t* limits) const {
        Vector less = Words::zero();
        BNN_UNROLLED for (int plane = 0; plane < planes; ++plane) {
            if (plane >= planes_) continue;
            const Vector limit = Words::load(limits + plane * repeated());
            const Vector differ = Words::one_of(counts[plane], limit);
            less = Words::either(Words::second_only(differ, less), Words::both(limit, differ));
        }
        return less;
    }

    template <int planes>
    void sum_run(const Run& run, int y, int x, const ConvOutput& output) const {
        for (int word = 0, first = 0; word < run.words; word += Words::count) {
            Vector counts[planes];
            count<planes>(run.input + word, first, counts);
            std::uint64_t found[planes][Words::count];
            for (int plane = 0; plane < planes; ++plane) Words::store(found[plane], counts[plane]);
            for (int k = 0; k < std::min(Words::count, run.words - word); ++k) {
                std::uint64_t of_word[planes];
                for (int plane = 0; plane < planes; ++plane) of_word[plane] = found[plane][k];
                store_sums<planes>(of_word, run.border_class, (first + k) % words_,
                                   output.sums_at(geometry_, y, x + (word + k) / words_),
                                   output.has_room);
            }
            first = (first + Words::count) % words_;
        }
    }

    template <int planes>
    void store_sums(const std::uint64_t* counts, int border_class, int word, std::int32_t* to,
                    bool has_room) const {
        const std::int32_t* at_zero =
            at_zero_.data() + (static_cast<std::size_t>(border_class) * words_ + word) * 64;
        const int channels = std::min(geometry_.out_channels - word * 64, 64);
        if (channels == 64 || has_room)
            return write_sums<planes>(counts, at_zero, to + word * 64);
        std::array<std::int32_t, 64> sums;
        write_sums<planes>(counts, at_zero, sums.data());
        std::copy_n(sums.data(), channels, to + word * 64);
    }

    Geometry geometry_;
    CountRule rule_;
    int words_, planes_;
    std::vector<std::ptrdiff_t> taps_;  // from a pixel to each tap
    std::vector<std::uint64_t> weights_, limits_;
    std::vector<std::int32_t> at_zero_;
};

}  // namespace
}  // namespace bnn
