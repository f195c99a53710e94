#include "engine/arena.h"

#include <cstring>
#include <new>

namespace bnn {
namespace {

constexpr std::size_t alignment = 64;
// Kernels read a whole vector where the last elements of a value lie.
constexpr std::size_t slack = 64;

}  // namespace

Arena::Memory Arena::allocate(std::size_t bytes) {
    const std::size_t size = (bytes + alignment - 1) / alignment * alignment;
    auto* memory = static_cast<std::byte*>(std::aligned_alloc(alignment, size + alignment));
    if (memory == nullptr) throw std::bad_alloc();
    // Borders are zero, and nothing ever writes to them.
    std::memset(memory, 0, size + alignment);
    return Memory(memory);
}

std::size_t lay_out(std::vector<Layout>& layouts) {
    std::size_t end = 0;
    for (Layout& layout : layouts) {
        layout.offset = end;
        end += (layout.bytes() + slack + alignment - 1) / alignment * alignment;
    }
    return end;
}

}  // namespace bnn
