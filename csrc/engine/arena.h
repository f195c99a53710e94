// Memory for every value of one sample, laid out when the network is loaded.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <vector>

#include "engine/graph.h"
#include "kernels/geometry.h"

namespace bnn {

// How a value is stored in the arena: NHWC, with a border of zeros where windows reach outside.
struct Layout {
    ValueType type;
    int top = 0, left = 0, bottom = 0, right = 0;
    std::size_t offset = 0;
    int given = -1;  // the number of the caller's memory that holds the value, or -1

    // The number of elements of a pixel: words of bits, bytes, or 32-bit numbers.
    int pixel_elements() const {
        return type.kind == Kind::bits ? words_for(type.channels) : type.channels;
    }
    std::size_t element_bytes() const {
        return type.kind == Kind::bits ? 8 : type.kind == Kind::u8 ? 1 : 4;
    }
    bool has_border() const { return top + left + bottom + right > 0; }
    std::ptrdiff_t row_stride() const {
        return static_cast<std::ptrdiff_t>(type.width + left + right) * pixel_elements();
    }
    std::size_t bytes() const {
        return static_cast<std::size_t>(type.height + top + bottom) * row_stride() * element_bytes();
    }
};

class Arena {
public:
    // given: how many values of each sample are in memory of the caller.
    explicit Arena(std::size_t bytes, std::size_t given = 0)
        : memory_(allocate(bytes)), given_(given) {}

    // Where the caller has a value of the sample that comes next. Inputs are only read.
    void set_given(const Layout& layout, const std::byte* at) {
        given_[layout.given] = const_cast<std::byte*>(at);
    }

    // The first byte of a value. It belongs to the border if there is one.
    std::byte* start(const Layout& layout) const {
        return layout.given < 0 ? memory_.get() + layout.offset : given_[layout.given];
    }

    // The first element of pixel (0, 0), inside the border.
    template <typename T>
    T* at(const Layout& layout) const {
        return reinterpret_cast<T*>(start(layout)) + layout.top * layout.row_stride() +
               static_cast<std::ptrdiff_t>(layout.left) * layout.pixel_elements();
    }

    // The first element of pixel (y, x).
    template <typename T>
    T* at(const Layout& layout, int y, int x) const {
        return at<T>(layout) + y * layout.row_stride() +
               static_cast<std::ptrdiff_t>(x) * layout.pixel_elements();
    }

private:
    static constexpr std::align_val_t alignment{64};
    struct Free {
        void operator()(std::byte* memory) const { ::operator delete(memory, alignment); }
    };
    using Memory = std::unique_ptr<std::byte, Free>;

    static Memory allocate(std::size_t bytes);

    Memory memory_;
    std::vector<std::byte*> given_;
};

// The steps from the one that writes a value to the last one that reads it. Step -1 loads a sample.
struct Lifetime {
    int first, last;
    bool is_stored() const { return first <= last; }
};

// Gives each value that the arena stores its place; returns the total size. Values share memory unless
// they live at the same time. One with a border has its place alone, as nothing else may write there.
// replaced: for each value, the one whose place it takes in the step that reads that one last, or -1.
std::size_t lay_out(std::vector<Layout>& layouts, const std::vector<Lifetime>& lifetimes,
                    const std::vector<int>& replaced);

}  // namespace bnn
