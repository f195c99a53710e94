#include "kernels/peak/read.h"

#include <chrono>
#include <cstring>

namespace bnn {
namespace {

// Loads of 16 bytes, two or more a cycle, are faster than every cache except the first.
using Vector = std::uint64_t __attribute__((vector_size(16)));

constexpr int chains = 8;
constexpr std::size_t vector_words = sizeof(Vector) / sizeof(std::uint64_t);

// The OR of all words, so that no load can be left out.
std::uint64_t read_words(const std::uint64_t* words, std::size_t count) {
    Vector total[chains] = {};
    const std::size_t step = chains * vector_words, whole = count / step * step;
    for (std::size_t at = 0; at < whole; at += step) {
        for (int k = 0; k < chains; ++k) {
            Vector loaded;
            std::memcpy(&loaded, words + at + k * vector_words, sizeof loaded);
            total[k] |= loaded;
        }
    }
    std::uint64_t all = 0;
    for (const Vector& one : total) all |= one[0] | one[1];
    for (std::size_t at = whole; at < count; ++at) all |= words[at];
    return all;
}

}  // namespace

double seconds_to_read(const std::uint64_t* words, std::size_t count) {
    using Clock = std::chrono::steady_clock;
    volatile std::uint64_t sink = read_words(words, count);
    const Clock::time_point start = Clock::now();
    sink = read_words(words, count);
    static_cast<void>(sink);
    return std::chrono::duration<double>(Clock::now() - start).count();
}

}  // namespace bnn
