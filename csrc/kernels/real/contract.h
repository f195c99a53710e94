// Loops over the channels of a pixel: operations on each number by itself.
#pragma once

#include <cstdint>
#include <map>
#include <stdexcept>
#include <string>

#include "cpu.h"

// Used before a loop: no round needs what another round wrote.
#if defined(__clang__)
#define BNN_INDEPENDENT_ROUNDS _Pragma("clang loop vectorize(assume_safety)")
#elif defined(__GNUC__)
#define BNN_INDEPENDENT_ROUNDS _Pragma("GCC ivdep")
#else
#define BNN_INDEPENDENT_ROUNDS
#endif

namespace bnn {

// A loop reads `count` numbers and writes as many. `to` may be a float input itself; apart from that,
// no memory overlaps. `raise` and `accumulate` may also read what they write.
struct RealLoops {
    void (*normalize)(const std::uint8_t* from, const float* scale, const float* bias, float* to,
                      int count);
    // A fused multiply-add, rounded once.
    void (*affine_f32)(const float* from, const float* scale, const float* bias, float* to,
                       int count);
    void (*affine_i32)(const std::int32_t* from, const float* scale, const float* bias, float* to,
                       int count);
    // A bit is from < threshold where its bit of `below` is set, else from > threshold.
    void (*threshold_f32)(const float* from, const float* threshold, const std::uint64_t* below,
                          std::uint64_t* to, int count);
    void (*threshold_i32)(const std::int32_t* from, const std::int32_t* threshold,
                          const std::uint64_t* below, std::uint64_t* to, int count);
    void (*signs)(const std::uint64_t* from, float* to, int count);
    // NaN stays.
    void (*clamp)(const float* from, float low, float high, float* to, int count);
    void (*prelu)(const float* from, const float* slope, float* to, int count);
    void (*add)(const float* left, const float* right, float* to, int count);
    // The greatest of what some pixels have there, and of `to` unless they are the first. NaN counts as
    // the greatest, and stays. Without any pixel it is the lowest number.
    void (*raise_f32)(const float* const* pixels, int pixel_count, float* to, int count,
                      bool is_first);
    void (*raise_i32)(const std::int32_t* const* pixels, int pixel_count, std::int32_t* to,
                      int count, bool is_first);
    // Adds the pixels, one after the other, to `to`, or to 0 if they are the first.
    void (*accumulate)(const float* const* pixels, int pixel_count, float* to, int count,
                       bool is_first);
};

inline std::map<std::string, RealLoops>& real_loops_table() {
    // Never destroyed: a thread that still works at the end of the process may call them.
    static auto& table = *new std::map<std::string, RealLoops>;
    return table;
}

inline bool add_real_loops(const char* isa, const RealLoops& loops) {
    real_loops_table()[isa] = loops;
    return true;
}

// The loops of the fastest instruction set from `isa` down that has any.
inline const RealLoops& real_loops(const std::string& isa) {
    for (const std::string& name : isas_from(isa)) {
        const auto found = real_loops_table().find(name);
        if (found != real_loops_table().end()) return found->second;
    }
    throw std::logic_error("no loops, not even scalar ones");
}

}  // namespace bnn
