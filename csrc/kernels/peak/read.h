// What reading costs: every word of some memory, and nothing else. Layers whose weights serve a single
// position cannot be faster.
#pragma once

#include <cstddef>
#include <cstdint>

namespace bnn {

// Seconds of reading all words once more, when they have just been read.
double seconds_to_read(const std::uint64_t* words, std::size_t count);

}  // namespace bnn
