// Convolution of real numbers by broadcast: one number of the input is multiplied with the weights of
// several output channels, for several output positions at once. Windows are read where they are.
//
// The file of an instruction set includes this file with that set as the target of the compiler. It
// first defines `Lanes`, vectors of floats as in kernels/lanes, and a Tile:
//   vectors                    of a whole block of channels: 1, 2 or 4
//   positions(vectors)         of the largest tile, whose sums are in registers

namespace bnn {
namespace {

// Neighbouring numbers of a window that meet neighbouring weights: a row of it, or a single tap where
// others lie between.
struct Run {
    std::ptrdiff_t offset;
    int length;
};

// Positions of a row, and the channels of a block.
struct TileWork {
    const float* pixel;        // of the first position
    std::ptrdiff_t step;       // from one position to the next
    const Run *runs, *runs_end;
    const float* weight;       // [term][lane]
    float* to;
    std::ptrdiff_t to_stride;
};

template <int positions, int vectors>
void multiply_tile(const TileWork& work) {
    constexpr int lanes = Lanes::lanes;
    typename Lanes::Numbers total[positions][vectors];
    BNN_UNROLLED for (int k = 0; k < positions; ++k)
        BNN_UNROLLED for (int v = 0; v < vectors; ++v) total[k][v] = Lanes::zero();
    const float* weight = work.weight;
    for (const Run* run = work.runs; run != work.runs_end; ++run) {
        const float* from = work.pixel + run->offset;
        for (const float* end = from + run->length; from != end; ++from) {
            typename Lanes::Numbers factor[vectors];
            BNN_UNROLLED for (int v = 0; v < vectors; ++v, weight += lanes)
                factor[v] = Lanes::load(weight);
            BNN_UNROLLED for (int k = 0; k < positions; ++k) {
                const auto number = Lanes::all(from[k * work.step]);
                BNN_UNROLLED for (int v = 0; v < vectors; ++v)
                    total[k][v] = Lanes::multiply_add(number, factor[v], total[k][v]);
            }
        }
    }
    BNN_UNROLLED for (int k = 0; k < positions; ++k)
        BNN_UNROLLED for (int v = 0; v < vectors; ++v)
            Lanes::store(work.to + k * work.to_stride + v * lanes, total[k][v]);
}

template <int vectors, int... index>
void multiply_some(const TileWork& work, int count, std::integer_sequence<int, index...>) {
    ((index + 1 == count ? multiply_tile<index + 1, vectors>(work) : void()), ...);
}

// A row of positions, in tiles of about the same size.
template <int vectors>
void multiply_row(TileWork work, int positions) {
    constexpr int most = Tile::positions(vectors);
    const int tiles = (positions + most - 1) / most;
    for (int tile = 0, done = 0; tile < tiles; ++tile) {
        const int end = positions * (tile + 1) / tiles;
        multiply_some<vectors>(work, end - done, std::make_integer_sequence<int, most>());
        work.pixel += (end - done) * work.step;
        work.to += (end - done) * work.to_stride;
        done = end;
    }
}

class ConvF32Broadcast final : public ConvF32 {
    static constexpr int lanes = Lanes::lanes;

public:
    explicit ConvF32Broadcast(const ConvF32Spec& spec) : geometry_(spec.geometry) {
        locate_runs();
        reorder_weights(spec.weight);
    }

    static std::unique_ptr<ConvF32> make(const ConvF32Spec& spec) {
        if (spec.geometry.is_depthwise()) return nullptr;
        return std::make_unique<ConvF32Broadcast>(spec);
    }

    void run(const float* input, const Region& region, const Numbers& output) const override {
        const Geometry& g = geometry_;
        for (int group = 0; group < g.groups; ++group) {
            const int first = g.groups > 1 ? 0 : region.block * 64;
            const int end = g.groups > 1 ? outputs() : std::min(region.block_end * 64, outputs());
            for (int channel = first; channel < end;) {
                run_block(input + group * g.group_channels(), region, group, channel,
                          {output.at + group * outputs() + channel, output.stride});
                channel += vectors_from(channel) * lanes;
            }
        }
    }

private:
    int outputs() const { return geometry_.out_channels / geometry_.groups; }
    int terms() const { return geometry_.taps() * geometry_.group_channels(); }
    int padded_outputs() const { return (outputs() + lanes - 1) / lanes * lanes; }
    std::size_t weight_offset(int group, int channel) const {
        return (static_cast<std::size_t>(group) * padded_outputs() + channel) * terms();
    }
    // The vectors of the block that begins at a channel of a group: 1, 2 or 4, as a tile has them.
    int vectors_from(int channel) const {
        const int vectors = std::min((outputs() - channel + lanes - 1) / lanes, Tile::vectors);
        return vectors == 3 ? 2 : vectors;
    }

    void locate_runs() {
        const Geometry& g = geometry_;
        const bool whole_rows = g.groups == 1 && g.dilation_x == 1;
        const int pieces = whole_rows ? 1 : g.kernel_width;
        for (int i = 0; i < g.kernel_height; ++i)
            for (int j = 0; j < pieces; ++j)
                runs_.push_back({i * g.dilation_y * g.row_stride +
                                     static_cast<std::ptrdiff_t>(j) * g.dilation_x * g.in_channels,
                                 g.kernel_width / pieces * g.group_channels()});
    }

    // [group][block of channels][term][lane]
    void reorder_weights(const float* weight) {
        weight_.resize(weight_offset(geometry_.groups, 0));
        for (int group = 0; group < geometry_.groups; ++group) {
            for (int first = 0; first < outputs();) {
                const int width = vectors_from(first) * lanes;
                float* to = weight_.data() + weight_offset(group, first);
                for (int term = 0; term < terms(); ++term, to += width)
                    for (int lane = 0; lane < std::min(width, outputs() - first); ++lane)
                        to[lane] = weight[(static_cast<std::size_t>(group) * outputs() + first + lane) *
                                              terms() +
                                          term];
                first += width;
            }
        }
    }

    void run_block(const float* input, const Region& region, int group, int channel,
                   const Numbers& output) const {
        const Geometry& g = geometry_;
        TileWork work{input + region.row * g.stride_y * g.row_stride,
                      static_cast<std::ptrdiff_t>(g.stride_x) * g.in_channels,
                      runs_.data(),
                      runs_.data() + runs_.size(),
                      weight_.data() + weight_offset(group, channel),
                      output.at,
                      output.stride};
        const int vectors = vectors_from(channel), rows = region.row_end - region.row;
        if (rows_are_one()) return run_row(work, vectors, rows * g.out_width);
        for (int row = 0; row < rows; ++row) {
            run_row(work, vectors, g.out_width);
            work.pixel += g.stride_y * g.row_stride;
            work.to += g.out_width * output.stride;
        }
    }

    // Whether the first position of a row follows the last one of the row before, in the input too.
    bool rows_are_one() const {
        const Geometry& g = geometry_;
        return g.stride_y * g.row_stride ==
               static_cast<std::ptrdiff_t>(g.out_width) * g.stride_x * g.in_channels;
    }

    static void run_row(const TileWork& work, int vectors, int positions) {
        if constexpr (Tile::vectors >= 4)
            if (vectors == 4) return multiply_row<4>(work, positions);
        if constexpr (Tile::vectors >= 2)
            if (vectors == 2) return multiply_row<2>(work, positions);
        multiply_row<1>(work, positions);
    }

    Geometry geometry_;
    std::vector<Run> runs_;
    AlignedVector<float> weight_;
};

}  // namespace
}  // namespace bnn
