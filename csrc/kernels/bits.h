// Bits that lie anywhere in a row of words.
#pragma once

#include <cstdint>

namespace bnn {

// The bits [first, first + count), 1 to 64 of them.
inline std::uint64_t bits_at(const std::uint64_t* words, int first, int count) {
    const int shift = first % 64;
    std::uint64_t bits = words[first / 64] >> shift;
    if (shift + count > 64) bits |= words[first / 64 + 1] << (64 - shift);
    return count == 64 ? bits : bits & ((std::uint64_t{1} << count) - 1);
}

// Sets the bits [first, first + count), 1 to 64 of them, which are 0. Beyond `count`, `bits` is 0.
inline void add_bits(std::uint64_t* words, int first, int count, std::uint64_t bits) {
    const int shift = first % 64;
    words[first / 64] |= bits << shift;
    if (shift + count > 64) words[first / 64 + 1] |= bits >> (64 - shift);
}

}  // namespace bnn
