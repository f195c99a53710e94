#include "engine/arena.h"

#include <algorithm>
#include <cstring>
#include <iterator>
#include <limits>
#include <list>

namespace bnn {
namespace {

// The alignment of each value: a cache line, and the widest register.
constexpr std::size_t line = 64;
// Kernels read a whole block of 64 channels at the last elements of a value.
constexpr std::size_t slack = 256;

// Stretches of memory, in their order, each free from some step on.
class Places {
public:
    static constexpr int forever = std::numeric_limits<int>::max();

    // The first place with enough bytes that is free from step `first` on, taken until `last` ended.
    std::size_t take(std::size_t bytes, int first, int last) {
        for (auto stretch = stretches_.begin(); stretch != stretches_.end(); ++stretch) {
            if (stretch->taken_until >= first) continue;
            merge_free(stretch, first);
            if (stretch->bytes < bytes && std::next(stretch) != stretches_.end()) continue;
            if (stretch->bytes < bytes) {  // the last one grows
                size_ += bytes - stretch->bytes;
                stretch->bytes = bytes;
            }
            return split(stretch, bytes, last);
        }
        stretches_.push_back({size_, bytes, last});
        size_ += bytes;
        return size_ - bytes;
    }

    // Keeps a place that is taken for a longer time.
    void keep(std::size_t start, int last) {
        const auto stretch = std::ranges::find(stretches_, start, &Stretch::start);
        stretch->taken_until = std::max(stretch->taken_until, last);
    }

    std::size_t size() const { return size_; }

private:
    struct Stretch {
        std::size_t start, bytes;
        int taken_until;
    };
    using Iterator = std::list<Stretch>::iterator;

    void merge_free(Iterator stretch, int first) {
        for (auto next = std::next(stretch);
             next != stretches_.end() && next->taken_until < first; next = std::next(stretch)) {
            stretch->bytes += next->bytes;
            stretches_.erase(next);
        }
    }

    std::size_t split(Iterator stretch, std::size_t bytes, int last) {
        if (stretch->bytes > bytes)
            stretches_.insert(std::next(stretch),
                              {stretch->start + bytes, stretch->bytes - bytes, stretch->taken_until});
        stretch->bytes = bytes;
        stretch->taken_until = last;
        return stretch->start;
    }

    std::list<Stretch> stretches_;
    std::size_t size_ = 0;
};

}  // namespace

Arena::Memory Arena::allocate(std::size_t bytes) {
    const std::size_t size = (bytes + line - 1) / line * line + slack;
    Memory memory(static_cast<std::byte*>(::operator new(size, alignment)));
    // Borders are zero, and nothing ever writes to them.
    std::memset(memory.get(), 0, size);
    return memory;
}

std::size_t lay_out(std::vector<Layout>& layouts, const std::vector<Lifetime>& lifetimes,
                    const std::vector<int>& replaced) {
    std::vector<int> by_start;
    Places places;
    const auto place = [&](std::size_t value, int first, int last) {
        const std::size_t bytes = (layouts[value].bytes() + slack + line - 1) / line * line;
        layouts[value].offset = places.take(bytes, first, last);
    };
    for (std::size_t value = 0; value < layouts.size(); ++value) {
        if (!lifetimes[value].is_stored() || layouts[value].given >= 0) continue;
        if (layouts[value].has_border())
            place(value, -1, Places::forever);
        else
            by_start.push_back(static_cast<int>(value));
    }
    std::ranges::stable_sort(by_start, {}, [&](int value) { return lifetimes[value].first; });
    for (int value : by_start) {
        if (replaced[value] < 0) {
            place(value, lifetimes[value].first, lifetimes[value].last);
            continue;
        }
        layouts[value].offset = layouts[replaced[value]].offset;
        places.keep(layouts[value].offset, lifetimes[value].last);
    }
    return places.size();
}

}  // namespace bnn
