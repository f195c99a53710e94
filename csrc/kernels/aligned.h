// Memory that is aligned for any vector register.
#pragma once

#include <array>
#include <cstddef>
#include <vector>

namespace bnn {

template <typename T>
class AlignedVector {
public:
    // Sets the size. All elements become zero.
    void resize(std::size_t size) { memory_.assign(size * sizeof(T) / sizeof(Line) + 1, Line{}); }
    T* data() { return reinterpret_cast<T*>(memory_.data()); }
    const T* data() const { return reinterpret_cast<const T*>(memory_.data()); }

private:
    struct alignas(64) Line {
        std::array<std::byte, 64> bytes;
    };
    std::vector<Line> memory_;
};

}  // namespace bnn
