// Binary convolution of few channels by byte shuffles: small layers, and groups of any size.
//
// A look-up table stands for four bits of the filters of two output channels, a and b. Its entry for
// four bits x of the input holds popcount(a ^ x) in the lower half of a byte, and popcount(b ^ x) in
// the upper half. The index has a byte for each of many output positions. So the input is first cut
// into planes: a plane has the same four channels of all pixels, one pixel a byte. A tap of the window
// is then a distance within a plane, and no channel that a layer lacks takes any work. The positions of
// a strip of rows are one run; those between two rows are computed, too, and thrown away.
//
// The file of an instruction set includes this file with that set as the target of the compiler. It
// first defines `Bytes`, the operations on a vector of bytes:
//   Vector, size, lanes            the type, its bytes, and its lanes of 16 bytes
//   zero(), load(at), add(a, b), add_to(total, a), subtract(a, b), upper_half(a), shifted_up(a)
//   table_at(at)                   16 bytes in each lane
//   look_up(table, indices)
//   low<bytes>(a, b), high<...>    interleaves units of 1, 2 or 4 bytes, lane by lane
//   lane<number>(a)                as __m128i

namespace bnn {
namespace {

class ConvBitsNarrow final : public ConvBits {
    using Vector = typename Bytes::Vector;
    // The counts of eight channels stand together; four tables give them.
    static constexpr int eight = 8, pairs = 4, table_bytes = 16;
    static constexpr int nibble_bytes = pairs * table_bytes;
    // A nibble adds 4 at most to a byte: 63 of them reach 252.
    static constexpr int threes_per_flush = 21;
    static constexpr int block_eights = 8;
    // Positions whose planes and counts stay in the L1 cache.
    static constexpr int strip_positions = 192;

    // The input rows and columns of a phase of the stride, and how many more of them than output rows
    // and columns the taps see.
    struct Phase {
        int y, x, rows, columns;
    };
    // Channels of one group, whose counts are in memory at the same time.
    struct Block {
        int group, first, eights;  // the first eight of the group
    };

public:
    explicit ConvBitsNarrow(const ConvBitsSpec& spec)
        : geometry_(spec.geometry),
          rule_(spec),
          group_nibbles_((geometry_.group_channels() + 3) / 4),
          eights_((outputs() + eight - 1) / eight) {
        const Geometry& g = geometry_;
        pitch_ = g.out_width + (g.kernel_width - 1) * g.dilation_x / g.stride_x;
        strip_rows_ = std::clamp(strip_positions / pitch_, 1, g.out_height);
        plane_ = (strip_rows_ + (g.kernel_height - 1) * g.dilation_y / g.stride_y) * pitch_;
        run_ = (strip_rows_ * pitch_ + Bytes::size - 1) / Bytes::size * Bytes::size;
        locate_nibbles();
        make_tables();
        reorder_rule();
    }

    static std::unique_ptr<ConvBits> make(const ConvBitsSpec& spec) {
        if (!is_narrow(spec.geometry)) return nullptr;
        return std::make_unique<ConvBitsNarrow>(spec);
    }

    std::size_t scratch_bytes() const override {
        return planes_bytes() + static_cast<std::size_t>(run_) * block_eights * eight * 2;
    }

    void run(const std::uint64_t* input, const Region& region, const ConvOutput& output,
             void* scratch) const override {
        const Geometry& g = geometry_;
        auto* planes = static_cast<std::uint8_t*>(scratch);
        auto* counts = reinterpret_cast<std::uint16_t*>(planes + planes_bytes());
        const int first = g.groups > 1 ? 0 : region.block * block_eights;
        const int end = g.groups > 1 ? eights_ : std::min(region.block_end * block_eights, eights_);
        for (int row = region.row; row < region.row_end; row += strip_rows_) {
            const int rows = std::min(strip_rows_, region.row_end - row);
            write_planes(input, row, rows, planes);
            if (g.groups > 1) output.clear_rows(g, row, row + rows);
            for (int group = 0; group < g.groups; ++group) {
                for (int done = first; done < end; done += block_eights) {
                    const Block block{group, done, std::min(block_eights, end - done)};
                    count_block(planes, rows, block, counts);
                    write_block(counts, row, rows, block, output);
                }
            }
        }
    }

private:
    int outputs() const { return geometry_.out_channels / geometry_.groups; }
    int nibbles() const { return geometry_.groups * group_nibbles_; }
    int threes() const { return static_cast<int>(offsets_.size()) / 3; }

    // The last vector of positions may reach beyond the last plane.
    std::size_t planes_bytes() const {
        const std::size_t bytes =
            phases_.size() * nibbles() * static_cast<std::size_t>(plane_) + Bytes::size;
        return (bytes + 63) / 64 * 64;
    }

    int phase_of(int y, int x) {
        for (std::size_t index = 0; index < phases_.size(); ++index)
            if (phases_[index].y == y && phases_[index].x == x) return static_cast<int>(index);
        phases_.push_back({y, x, 0, 0});
        return static_cast<int>(phases_.size()) - 1;
    }

    // From the first plane of a group, and its first position, to the nibbles of a window.
    void locate_nibbles() {
        const Geometry& g = geometry_;
        for (int i = 0; i < g.kernel_height; ++i) {
            for (int j = 0; j < g.kernel_width; ++j) {
                const int y = i * g.dilation_y, x = j * g.dilation_x;
                const int index = phase_of(y % g.stride_y, x % g.stride_x);
                Phase& phase = phases_[index];
                phase.rows = std::max(phase.rows, y / g.stride_y);
                phase.columns = std::max(phase.columns, x / g.stride_x);
                for (int nibble = 0; nibble < group_nibbles_; ++nibble)
                    offsets_.push_back((static_cast<std::ptrdiff_t>(index) * nibbles() + nibble) * plane_ +
                                       y / g.stride_y * pitch_ + x / g.stride_x);
            }
        }
        // Tables of zeros fill up the last three.
        while (offsets_.size() % 3 != 0) offsets_.push_back(0);
    }

    // [group][eight][nibble of the window][pair][entry]
    void make_tables() {
        const Geometry& g = geometry_;
        tables_.resize(static_cast<std::size_t>(g.groups) * eights_ * offsets_.size() * nibble_bytes);
        const int words = g.group_words();
        for (int channel = 0; channel < g.out_channels; ++channel) {
            const int place = channel % outputs();
            std::uint8_t* to = tables_.data() + tables_offset(channel / outputs(), place / eight) +
                               place % eight / 2 * table_bytes;
            const std::uint64_t* from =
                rule_.weight.data() + static_cast<std::size_t>(channel) * g.taps() * words;
            for (int tap = 0; tap < g.taps(); ++tap, from += words)
                for (int nibble = 0; nibble < group_nibbles_; ++nibble, to += nibble_bytes)
                    add_entries(bits_at(from, nibble * 4, nibble_width(nibble)), place % 2 * 4, to);
        }
    }

    static void add_entries(std::uint64_t weight, int shift, std::uint8_t* to) {
        for (unsigned seen = 0; seen < 16; ++seen)
            to[seen] |= static_cast<std::uint8_t>(std::popcount(weight ^ seen) << shift);
    }

    std::size_t tables_offset(int group, int place) const {
        return (static_cast<std::size_t>(group) * eights_ + place) * offsets_.size() * nibble_bytes;
    }

    int nibble_width(int nibble) const { return std::min(4, geometry_.group_channels() - nibble * 4); }

    std::size_t rule_offset(int border_class, int group, int place) const {
        return ((static_cast<std::size_t>(border_class) * geometry_.groups + group) * eights_ + place) *
               eight;
    }

    // [class][group][channel]. No count is below the limit of a channel that does not exist.
    void reorder_rule() {
        const int classes = rule_.classes.count(), groups = geometry_.groups;
        at_zero_.resize(rule_offset(classes, 0, 0));
        limits_.resize(rule_offset(classes, 0, 0));
        for (int place = 0; place < classes * groups * outputs(); ++place) {
            const int row = place / outputs();
            const std::size_t to = rule_offset(row / groups, row % groups, 0) + place % outputs();
            at_zero_.data()[to] = rule_.sum_at_zero[place];
            if (!rule_.limit.empty())
                limits_.data()[to] = static_cast<std::int16_t>(rule_.limit[place]);
        }
        for (int x = 0; x < geometry_.out_width; ++x)
            column_rules_.push_back(rule_offset(rule_.classes.of_column(x), 0, 0));
    }

    void write_planes(const std::uint64_t* input, int row, int rows, std::uint8_t* planes) const {
        const Geometry& g = geometry_;
        const int words = words_for(g.in_channels);
        for (const Phase& phase : phases_) {
            for (int group = 0; group < g.groups; ++group) {
                for (int nibble = 0; nibble < group_nibbles_; ++nibble, planes += plane_) {
                    for (int line = 0; line < rows + phase.rows; ++line)
                        write_line(input + ((row + line) * g.stride_y + phase.y) * g.row_stride +
                                       static_cast<std::ptrdiff_t>(phase.x) * words,
                                   group * g.group_channels() + nibble * 4, nibble_width(nibble),
                                   g.out_width + phase.columns, planes + line * pitch_);
                }
            }
        }
    }

    void write_line(const std::uint64_t* from, int channel, int width, int count,
                    std::uint8_t* to) const {
        const int step = geometry_.stride_x * words_for(geometry_.in_channels);
        const int shift = channel % 64;
        const std::uint64_t mask = (1U << width) - 1;
        from += channel / 64;
        if (shift + width > 64)
            for (int x = 0; x < count; ++x)
                to[x] = static_cast<std::uint8_t>(bits_at(from + x * step, shift, width));
        else if (step == 1)
            for (int x = 0; x < count; ++x) to[x] = static_cast<std::uint8_t>(from[x] >> shift & mask);
        else
            for (int x = 0; x < count; ++x)
                to[x] = static_cast<std::uint8_t>(from[x * step] >> shift & mask);
    }

    // [eight][position][channel]
    void count_block(const std::uint8_t* planes, int rows, const Block& block,
                     std::uint16_t* counts) const {
        planes += static_cast<std::ptrdiff_t>(block.group) * group_nibbles_ * plane_;
        const int positions = (rows - 1) * pitch_ + geometry_.out_width;
        for (int place = 0; place < block.eights; ++place, counts += run_ * eight) {
            const std::uint8_t* tables = tables_.data() + tables_offset(block.group, block.first + place);
            for (int position = 0; position < positions; position += Bytes::size)
                count_tile(planes + position, tables, counts + position * eight);
        }
    }

    void count_tile(const std::uint8_t* planes, const std::uint8_t* tables,
                    std::uint16_t* counts) const {
        const std::ptrdiff_t* offset = offsets_.data();
        for (int done = 0; done < threes(); done += threes_per_flush) {
            const int count = std::min(threes_per_flush, threes() - done);
            Vector whole[pairs], upper[pairs];
            BNN_UNROLLED for (int pair = 0; pair < pairs; ++pair)
                whole[pair] = upper[pair] = Bytes::zero();
            for (int three = 0; three < count; ++three, offset += 3, tables += 3 * nibble_bytes) {
                const Vector seen0 = Bytes::load(planes + offset[0]),
                             seen1 = Bytes::load(planes + offset[1]),
                             seen2 = Bytes::load(planes + offset[2]);
                BNN_UNROLLED for (int pair = 0; pair < pairs; ++pair) {
                    const std::uint8_t* table = tables + pair * table_bytes;
                    const Vector found = Bytes::add(
                        Bytes::add(Bytes::look_up(Bytes::table_at(table), seen0),
                                   Bytes::look_up(Bytes::table_at(table + nibble_bytes), seen1)),
                        Bytes::look_up(Bytes::table_at(table + 2 * nibble_bytes), seen2));
                    Bytes::add_to(whole[pair], found);
                    Bytes::add_to(upper[pair], Bytes::upper_half(found));
                }
            }
            flush(whole, upper, done == 0, counts);
        }
    }

    // From the counts of eight channels at many positions to eight channels a position.
    static void flush(const Vector* whole, const Vector* upper, bool first, std::uint16_t* counts) {
        Vector one[eight], two[eight];
        BNN_UNROLLED for (int pair = 0; pair < pairs; ++pair) {
            const Vector lower = Bytes::subtract(whole[pair], Bytes::shifted_up(upper[pair]));
            one[pair] = Bytes::template low<1>(lower, upper[pair]);
            one[pairs + pair] = Bytes::template high<1>(lower, upper[pair]);
        }
        BNN_UNROLLED for (int half = 0; half < 2; ++half) {
            BNN_UNROLLED for (int k = 0; k < 2; ++k) {
                const Vector a = one[4 * half + 2 * k], b = one[4 * half + 2 * k + 1];
                two[4 * half + k] = Bytes::template low<2>(a, b);
                two[4 * half + 2 + k] = Bytes::template high<2>(a, b);
            }
        }
        BNN_UNROLLED for (int k = 0; k < 4; ++k) {
            widen(Bytes::template low<4>(two[2 * k], two[2 * k + 1]), 4 * k, first, counts);
            widen(Bytes::template high<4>(two[2 * k], two[2 * k + 1]), 4 * k + 2, first, counts);
        }
    }

    // A lane has eight channels of two positions, the first of which is `position` of the lane.
    static void widen(Vector bytes, int position, bool first, std::uint16_t* counts) {
        widen_lane(Bytes::template lane<0>(bytes), first, counts + position * eight);
        widen_lane(Bytes::template lane<1>(bytes), first, counts + (16 + position) * eight);
        if constexpr (Bytes::lanes == 4) {
            widen_lane(Bytes::template lane<2>(bytes), first, counts + (32 + position) * eight);
            widen_lane(Bytes::template lane<3>(bytes), first, counts + (48 + position) * eight);
        }
    }

    static void widen_lane(__m128i bytes, bool first, std::uint16_t* counts) {
        auto* to = reinterpret_cast<__m256i*>(counts);
        const __m256i wide = _mm256_cvtepu8_epi16(bytes);
        _mm256_storeu_si256(to, first ? wide : _mm256_add_epi16(wide, _mm256_loadu_si256(to)));
    }

    void write_block(const std::uint16_t* counts, int row, int rows, const Block& block,
                     const ConvOutput& output) const {
        for (int y = row; y < row + rows; ++y, counts += pitch_ * eight) {
            const std::size_t rule = rule_offset(rule_.classes.of_row(y), block.group, block.first);
            if (output.sums != nullptr)
                write_sums(counts, y, block, rule, output);
            else
                write_bits(counts, block, rule, output.bits + y * output.bits_row_stride);
        }
    }

    void write_bits(const std::uint16_t* counts, const Block& block, std::size_t rule,
                    std::uint64_t* to) const {
        const int channel = block.group * outputs() + block.first * eight;
        const int width = std::min(64, outputs() - block.first * eight);
        const int words = words_for(geometry_.out_channels);
        for (int x = 0; x < geometry_.out_width; ++x, counts += eight, to += words) {
            const std::uint64_t bits = bits_of(counts, block, rule + column_rules_[x]);
            if (geometry_.groups == 1)
                to[channel / 64] = bits;
            else
                add_bits(to, channel, width, bits);
        }
    }

    std::uint64_t bits_of(const std::uint16_t* counts, const Block& block, std::size_t rule) const {
        const auto* limit = reinterpret_cast<const __m128i*>(limits_.data() + rule);
        std::uint64_t bits = 0;
        for (int place = 0; place < block.eights; place += 2, counts += 2 * run_ * eight) {
            const __m128i lower = below(counts, limit + place);
            const __m128i upper = place + 1 < block.eights
                                      ? below(counts + run_ * eight, limit + place + 1)
                                      : _mm_setzero_si128();
            bits |= std::uint64_t{static_cast<std::uint32_t>(
                        _mm_movemask_epi8(_mm_packs_epi16(lower, upper)))}
                    << place * eight;
        }
        return bits;
    }

    static __m128i below(const std::uint16_t* counts, const __m128i* limit) {
        return _mm_cmpgt_epi16(_mm_load_si128(limit),
                               _mm_loadu_si128(reinterpret_cast<const __m128i*>(counts)));
    }

    // A row of eight channels after the other.
    void write_sums(const std::uint16_t* counts, int y, const Block& block, std::size_t rule,
                    const ConvOutput& output) const {
        const int first = block.first * eight;
        std::int32_t* to = output.sums_at(geometry_, y, 0) + block.group * outputs() + first;
        for (int place = 0; place < block.eights; ++place, counts += run_ * eight, to += eight) {
            const std::int32_t* at_zero = at_zero_.data() + rule + place * eight;
            const int left = outputs() - first - place * eight;
            for (int x = 0; x < geometry_.out_width; ++x) {
                const __m256i sums = sums_of(counts + x * eight, at_zero + column_rules_[x]);
                store_sums(sums, output.has_room ? eight : left, to + x * output.sums_stride);
            }
        }
    }

    static __m256i sums_of(const std::uint16_t* counts, const std::int32_t* at_zero) {
        const __m256i count =
            _mm256_cvtepu16_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(counts)));
        return _mm256_sub_epi32(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(at_zero)),
                                _mm256_slli_epi32(count, 1));
    }

    static void store_sums(__m256i sums, int channels, std::int32_t* to) {
        if (channels >= eight)
            return _mm256_storeu_si256(reinterpret_cast<__m256i*>(to), sums);
        alignas(32) std::int32_t part[eight];
        _mm256_store_si256(reinterpret_cast<__m256i*>(part), sums);
        std::copy_n(part, channels, to);
    }

    Geometry geometry_;
    CountRule rule_;
    int group_nibbles_, eights_;
    int pitch_;       // from a row of positions to the next
    int strip_rows_, plane_, run_;  // rows of a strip, bytes of a plane, positions of its counts
    std::vector<Phase> phases_;
    std::vector<std::ptrdiff_t> offsets_;
    AlignedVector<std::uint8_t> tables_;
    AlignedVector<std::int32_t> at_zero_;
    AlignedVector<std::int16_t> limits_;
    std::vector<std::size_t> column_rules_;  // from the rule of a row to that of each position
};

}  // namespace
}  // namespace bnn
