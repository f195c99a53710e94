// The loops, written once. A file of an instruction set includes this with that set as the
// compiler's target, which vectorizes; all compute the same. So it has neither a guard nor includes.

namespace bnn {
namespace {

void normalize(const std::uint8_t* __restrict from, const float* __restrict scale,
               const float* __restrict bias, float* __restrict to, int count) {
    for (int c = 0; c < count; ++c) to[c] = static_cast<float>(from[c]) * scale[c] + bias[c];
}

template <typename T>
void affine(const T* __restrict from, const float* __restrict scale, const float* __restrict bias,
            float* __restrict to, int count) {
    for (int c = 0; c < count; ++c)
        to[c] = __builtin_fmaf(static_cast<float>(from[c]), scale[c], bias[c]);
}

// Bit k is byte k, which is 0 or 1: of 8 bytes, the product gathers them in its highest byte.
inline std::uint64_t gather_bits(const std::uint8_t* flags) {
    std::uint64_t word = 0;
    for (int part = 0; part < 8; ++part) {
        std::uint64_t bytes;
        __builtin_memcpy(&bytes, flags + part * 8, sizeof bytes);
        word |= (bytes * 0x0102040810204080 >> 56) << (part * 8);
    }
    return word;
}

template <typename T>
void threshold(const T* __restrict from, const T* __restrict limit,
               const std::uint64_t* __restrict below, std::uint64_t* __restrict to, int count) {
    for (int first = 0; first < count; first += 64, from += 64, limit += 64) {
        alignas(64) std::uint8_t less[64] = {}, greater[64] = {};
        const int channels = count - first < 64 ? count - first : 64;
        for (int c = 0; c < channels; ++c) {
            less[c] = from[c] < limit[c];
            greater[c] = from[c] > limit[c];
        }
        const std::uint64_t is_below = *below++;
        *to++ = (gather_bits(less) & is_below) | (gather_bits(greater) & ~is_below);
    }
}

void signs(const std::uint64_t* __restrict from, float* __restrict to, int count) {
    for (int c = 0; c < count; ++c) to[c] = from[c / 64] >> (c % 64) & 1 ? 1.0F : -1.0F;
}

void clamp(const float* __restrict from, float low, float high, float* __restrict to, int count) {
    for (int c = 0; c < count; ++c) {
        const float raised = from[c] < low ? low : from[c];
        to[c] = raised > high ? high : raised;
    }
}

void prelu(const float* __restrict from, const float* __restrict slope, float* __restrict to,
           int count) {
    for (int c = 0; c < count; ++c) {
        const float scaled = slope[c] * from[c];
        to[c] = from[c] > 0 ? from[c] : scaled;
    }
}

void add(const float* __restrict left, const float* __restrict right, float* __restrict to,
         int count) {
    for (int c = 0; c < count; ++c) to[c] = left[c] + right[c];
}

void accumulate(const float* __restrict from, float* __restrict to, int count) {
    for (int c = 0; c < count; ++c) to[c] += from[c];
}

const RealLoops loops = {normalize, affine<float>, affine<std::int32_t>, threshold<float>,
                         threshold<std::int32_t>, signs, clamp, prelu, add, accumulate};

}  // namespace
}  // namespace bnn
