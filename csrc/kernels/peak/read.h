// The cost of reading every word of some memory, and nothing else. Layers whose weights are used at a
// single position cannot be faster.
#pragma once

#include <cstddef>
#include <cstdint>

namespace bnn {

// The seconds that it takes to read all words again after they have just been read.
double seconds_to_read(const std::uint64_t* words, std::size_t count);

}  // namespace bnn
