#include "engine/arena.h"

#include <cstring>

namespace bnn {
namespace {

// The alignment of each value: a cache line, and the widest register.
constexpr std::size_t line = 64;
// Kernels read a whole block of 64 channels at the last elements of a value.
constexpr std::size_t slack = 256;

}  // namespace

Arena::Memory Arena::allocate(std::size_t bytes) {
    const std::size_t size = (bytes + line - 1) / line * line + slack;
    Memory memory(static_cast<std::byte*>(::operator new(size, alignment)));
    // Borders are zero, and nothing ever writes to them.
    std::memset(memory.get(), 0, size);
    return memory;
}

std::size_t lay_out(std::vector<Layout>& layouts) {
    std::size_t end = 0;
    for (Layout& layout : layouts) {
        layout.offset = end;
        end += (layout.bytes() + slack + line - 1) / line * line;
    }
    return end;
}

}  // namespace bnn
