// The epilogue, written once. The file of an instruction set includes this file, with that set as the
// target of the compiler. So this file has neither a guard nor includes. The including file first
// defines
//   Lanes             vectors of floats, as in kernels/lanes
//   tile_positions    how many positions of 64 channels are in registers at once

namespace bnn {
namespace {

// Some positions and vectors of channels of a row, while it is in registers.
template <int positions, int vectors>
class Tile {
    static constexpr int lanes = Lanes::lanes;

public:
    Tile(const EpilogueRow& row, int position, int channel)
        : first_(position), channel_(channel), width_(row.channel_end - channel) {
        const std::ptrdiff_t from = position * row.stride + channel;
        if (row.sums)
            load(static_cast<const std::int32_t*>(row.from) + from, row.stride);
        else
            load(static_cast<const float*>(row.from) + from, row.stride);
    }

    void apply(const EpilogueOp& op) {
        switch (op.kind) {
            case EpilogueOp::Kind::affine: return affine(op.first + channel_, op.second + channel_);
            case EpilogueOp::Kind::prelu: return prelu(op.first + channel_);
            case EpilogueOp::Kind::clamp: return clamp(op.low, op.high);
            case EpilogueOp::Kind::add: return add(op);
            case EpilogueOp::Kind::store: return store(op);
            case EpilogueOp::Kind::threshold: return threshold(op);
        }
    }

private:
    template <typename T>
    void load(const T* from, std::ptrdiff_t stride) {
        BNN_UNROLLED for (int k = 0; k < positions; ++k)
            BNN_UNROLLED for (int v = 0; v < vectors; ++v)
                at_[k][v] = Lanes::load(from + k * stride + v * lanes);
    }

    void affine(const float* scale, const float* bias) {
        BNN_UNROLLED for (int v = 0; v < vectors; ++v) {
            const auto a = Lanes::load(scale + v * lanes), b = Lanes::load(bias + v * lanes);
            BNN_UNROLLED for (int k = 0; k < positions; ++k)
                at_[k][v] = Lanes::multiply_add(at_[k][v], a, b);
        }
    }

    void prelu(const float* slope) {
        BNN_UNROLLED for (int v = 0; v < vectors; ++v) {
            const auto a = Lanes::load(slope + v * lanes);
            BNN_UNROLLED for (int k = 0; k < positions; ++k) at_[k][v] = Lanes::prelu(at_[k][v], a);
        }
    }

    void clamp(float low, float high) {
        const auto a = Lanes::all(low), b = Lanes::all(high);
        BNN_UNROLLED for (int k = 0; k < positions; ++k)
            BNN_UNROLLED for (int v = 0; v < vectors; ++v)
                at_[k][v] = Lanes::lower(b, Lanes::raise(a, at_[k][v]));
    }

    void add(const EpilogueOp& op) {
        BNN_UNROLLED for (int k = 0; k < positions; ++k) {
            const float* other = pixel<float>(op, k) + channel_;
            BNN_UNROLLED for (int v = 0; v < vectors; ++v)
                at_[k][v] = Lanes::add(at_[k][v], Lanes::load(other + v * lanes));
        }
    }

    void store(const EpilogueOp& op) const {
        BNN_UNROLLED for (int k = 0; k < positions; ++k) {
            float* to = pixel<float>(op, k) + channel_;
            BNN_UNROLLED for (int v = 0; v < vectors; ++v) {
                if (width_ >= (v + 1) * lanes)
                    Lanes::store(to + v * lanes, at_[k][v]);
                else
                    store_part(to + v * lanes, at_[k][v], width_ - v * lanes);
            }
        }
    }

    static void store_part(float* to, typename Lanes::Numbers numbers, int count) {
        alignas(64) float part[lanes];
        Lanes::store(part, numbers);
        for (int lane = 0; lane < count; ++lane) to[lane] = part[lane];
    }

    void threshold(const EpilogueOp& op) const {
        std::uint64_t words[positions] = {};
        BNN_UNROLLED for (int v = 0; v < vectors; ++v) {
            const auto limits = Lanes::load(op.first + channel_ + v * lanes);
            const auto signs = Lanes::load(op.second + channel_ + v * lanes);
            BNN_UNROLLED for (int k = 0; k < positions; ++k)
                words[k] |= std::uint64_t{Lanes::above(at_[k][v], signs, limits)} << v * lanes;
        }
        BNN_UNROLLED for (int k = 0; k < positions; ++k)
            pixel<std::uint64_t>(op, k)[channel_ / 64] = words[k];
    }

    template <typename T>
    T* pixel(const EpilogueOp& op, int k) const {
        return static_cast<T*>(op.map) + (first_ + k) * op.stride;
    }

    typename Lanes::Numbers at_[positions][vectors];
    int first_, channel_, width_;
};

template <int positions, int vectors>
void finish_tile(const EpilogueRow& row, int position, int channel) {
    Tile<positions, vectors> tile(row, position, channel);
    for (const EpilogueOp* op = row.ops; op != row.end; ++op) tile.apply(*op);
}

// A block of up to `channels` channels. Tiles of few channels have more positions.
template <int channels>
void finish_block(const EpilogueRow& row, int channel) {
    constexpr int vectors = channels / Lanes::lanes;
    constexpr int positions = tile_positions * 64 / channels;
    int position = 0;
    for (; position + positions <= row.positions; position += positions)
        finish_tile<positions, vectors>(row, position, channel);
    for (; position < row.positions; ++position) finish_tile<1, vectors>(row, position, channel);
}

void finish_row(const EpilogueRow& row) {
    for (int channel = row.channel; channel < row.channel_end; channel += 64) {
        const int width = row.channel_end - channel;
        if (width <= 16)
            finish_block<16>(row, channel);
        else if (width <= 32)
            finish_block<32>(row, channel);
        else
            finish_block<64>(row, channel);
    }
}

}  // namespace
}  // namespace bnn
