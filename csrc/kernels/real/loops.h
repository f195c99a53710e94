// The loops, written once. The file of an instruction set includes this file, with that set as the
// target of the compiler, which vectorizes the loops. All compute the same. So this file has neither
// a guard nor includes. The including file first defines `Lanes` and `ScalarLanes`, as in
// kernels/lanes, and `Comparison`, with `lanes` and less(a, b), whose bit k is a[k] < b[k]. Loops that
// may work in place tell the compiler that no round needs what another round wrote.

namespace bnn {
namespace {

void normalize(const std::uint8_t* __restrict from, const float* __restrict scale,
               const float* __restrict bias, float* __restrict to, int count) {
    for (int c = 0; c < count; ++c) to[c] = static_cast<float>(from[c]) * scale[c] + bias[c];
}

template <typename T>
void affine(const T* from, const float* __restrict scale, const float* __restrict bias, float* to,
            int count) {
    BNN_INDEPENDENT_ROUNDS
    for (int c = 0; c < count; ++c)
        to[c] = __builtin_fmaf(static_cast<float>(from[c]), scale[c], bias[c]);
}

// Two words: bit k says whether from[k] < limit[k], or whether it is above, for up to 64 channels.
template <typename T>
inline void compare_word(const T* from, const T* limit, int count, std::uint64_t& less,
                         std::uint64_t& greater) {
    int c = 0;
    for (; c + Comparison::lanes <= count; c += Comparison::lanes) {
        less |= std::uint64_t{Comparison::less(from + c, limit + c)} << c;
        greater |= std::uint64_t{Comparison::less(limit + c, from + c)} << c;
    }
    for (; c < count; ++c) {
        less |= std::uint64_t{from[c] < limit[c]} << c;
        greater |= std::uint64_t{from[c] > limit[c]} << c;
    }
}

template <typename T>
void threshold(const T* __restrict from, const T* __restrict limit,
               const std::uint64_t* __restrict below, std::uint64_t* __restrict to, int count) {
    for (int first = 0; first < count; first += 64) {
        std::uint64_t less = 0, greater = 0;
        compare_word(from + first, limit + first, count - first < 64 ? count - first : 64, less,
                     greater);
        const std::uint64_t is_below = *below++;
        *to++ = (less & is_below) | (greater & ~is_below);
    }
}

void signs(const std::uint64_t* __restrict from, float* __restrict to, int count) {
    for (int c = 0; c < count; ++c) to[c] = from[c / 64] >> (c % 64) & 1 ? 1.0F : -1.0F;
}

void clamp(const float* from, float low, float high, float* to, int count) {
    BNN_INDEPENDENT_ROUNDS
    for (int c = 0; c < count; ++c) {
        const float value = from[c];
        const float raised = value < low ? low : value;
        to[c] = raised > high ? high : raised;
    }
}

void prelu(const float* from, const float* __restrict slope, float* to, int count) {
    BNN_INDEPENDENT_ROUNDS
    for (int c = 0; c < count; ++c) {
        const float value = from[c], scaled = slope[c] * value;
        to[c] = value > 0 ? value : scaled;
    }
}

void add(const float* left, const float* __restrict right, float* to, int count) {
    BNN_INDEPENDENT_ROUNDS
    for (int c = 0; c < count; ++c) to[c] = left[c] + right[c];
}

void raise_i32(const std::int32_t* const* pixels, int pixel_count, std::int32_t* to, int count,
               bool is_first) {
    if (is_first)
        for (int c = 0; c < count; ++c) to[c] = std::numeric_limits<std::int32_t>::lowest();
    for (int pixel = 0; pixel < pixel_count; ++pixel) {
        const std::int32_t* __restrict from = pixels[pixel];
        BNN_INDEPENDENT_ROUNDS
        for (int c = 0; c < count; ++c) to[c] = from[c] > to[c] ? from[c] : to[c];
    }
}

// Some channels of pixels, which stay in registers.
template <template <typename> typename Combine, typename Vectors, int vectors>
inline void combine_block(const float* const* pixels, int pixel_count, int first, float* to,
                          bool is_first) {
    typename Vectors::Numbers found[vectors];
    BNN_UNROLLED for (int v = 0; v < vectors; ++v)
        found[v] = is_first ? Vectors::all(Combine<Vectors>::initial)
                            : Vectors::load(to + first + v * Vectors::lanes);
    for (int pixel = 0; pixel < pixel_count; ++pixel)
        BNN_UNROLLED for (int v = 0; v < vectors; ++v)
            found[v] = Combine<Vectors>::of(
                Vectors::load(pixels[pixel] + first + v * Vectors::lanes), found[v]);
    BNN_UNROLLED for (int v = 0; v < vectors; ++v)
        Vectors::store(to + first + v * Vectors::lanes, found[v]);
}

template <template <typename> typename Combine>
inline void combine_pixels(const float* const* pixels, int pixel_count, float* to, int count,
                           bool is_first) {
    constexpr int lanes = Lanes::lanes;
    int c = 0;
    for (; c + 4 * lanes <= count; c += 4 * lanes)
        combine_block<Combine, Lanes, 4>(pixels, pixel_count, c, to, is_first);
    for (; c + lanes <= count; c += lanes)
        combine_block<Combine, Lanes, 1>(pixels, pixel_count, c, to, is_first);
    for (; c < count; ++c)
        combine_block<Combine, ScalarLanes, 1>(pixels, pixel_count, c, to, is_first);
}

template <typename Vectors>
struct Higher {
    static constexpr float initial = -std::numeric_limits<float>::infinity();
    static auto of(typename Vectors::Numbers a, typename Vectors::Numbers highest) {
        return Vectors::higher(a, highest);
    }
};

template <typename Vectors>
struct Sum {
    static constexpr float initial = 0;
    static auto of(typename Vectors::Numbers a, typename Vectors::Numbers total) {
        return Vectors::add(total, a);
    }
};

void raise_f32(const float* const* pixels, int pixel_count, float* to, int count, bool is_first) {
    combine_pixels<Higher>(pixels, pixel_count, to, count, is_first);
}

void accumulate(const float* const* pixels, int pixel_count, float* to, int count, bool is_first) {
    combine_pixels<Sum>(pixels, pixel_count, to, count, is_first);
}

const RealLoops loops = {normalize, affine<float>, affine<std::int32_t>, threshold<float>,
                         threshold<std::int32_t>, signs, clamp, prelu, add,
                         raise_f32, raise_i32, accumulate};

}  // namespace
}  // namespace bnn
