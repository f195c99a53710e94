// XOR and popcount of four bits at once, for two pixels, by one byte shuffle.
//
// A shuffle looks 32 indices up in a table of 16 bytes. The index is a nibble of the weights, one
// for each of 32 output channels; the table belongs to the nibbles a and b that two output pixels
// see there, and its entry for w holds popcount(a ^ w) below and popcount(b ^ w) above. All 256
// tables take 4 KB. So one shuffle does 2 * 32 * 4 binary multiply-adds, twice as many as with a
// table for one pixel, and three of them can be added before a half could pass 15.
//
// What bounds it, per 3 nibbles of 2 pixels and 32 channels: 3 shuffles, 4 additions, 2 ands and a
// shift, 10 instructions for 768 multiply-adds, beside loads of the tables, which are shared by 64
// channels, and of the weights, which stay in L1 while a strip of pixels passes over them.
#if defined(__x86_64__)
#include <immintrin.h>

#include <algorithm>
#include <array>

#include "kernels/aligned.h"
#include "kernels/conv_bits/contract.h"

#define BNN_AVX2 __attribute__((target("avx2")))

namespace bnn {
namespace {

constexpr int nibbles_per_word = 16;
constexpr int block_channels = 64;
constexpr int pair_counts = 2 * block_channels;
// A nibble adds 4 at most to a byte: 63 of them reach 252.
constexpr int nibbles_per_flush = 63;
// Counts are compared as signed 16-bit numbers, with limits up to one more than the terms.
constexpr int max_terms = 32766;
// Pixels whose counts are held while the weights of a chunk stay in L1.
constexpr int strip_pixels = 64;

struct Tables {
    alignas(64) std::array<std::uint8_t, 256 * 16> entries;

    constexpr Tables() : entries() {
        for (int pair = 0; pair < 256; ++pair) {
            for (int weight = 0; weight < 16; ++weight) {
                const int low = ones((pair & 15) ^ weight), high = ones((pair >> 4) ^ weight);
                entries[pair * 16 + weight] = static_cast<std::uint8_t>(low | high << 4);
            }
        }
    }
    static constexpr int ones(int nibble) {
        return (nibble & 1) + (nibble >> 1 & 1) + (nibble >> 2 & 1) + (nibble >> 3 & 1);
    }
};

constexpr Tables tables;

// Consecutive nibbles of a window: `threes` times 3, then `rest`.
struct Chunk {
    std::uint32_t stream_offset;  // from the stream of the pair's first position
    std::uint32_t weight_offset;  // bytes, within the weights of a block
    int threes, rest;
};

BNN_AVX2 inline __m256i table_at(std::uint16_t offset) {
    return _mm256_broadcastsi128_si256(
        _mm_load_si128(reinterpret_cast<const __m128i*>(tables.entries.data() + offset)));
}

// Adds the lower and upper halves of bytes to the counts of the first and the second pixel.
BNN_AVX2 inline void add_halves(__m256i both, __m256i& first, __m256i& second) {
    const __m256i low = _mm256_set1_epi8(15);
    first = _mm256_add_epi8(first, _mm256_and_si256(both, low));
    second = _mm256_add_epi8(second, _mm256_and_si256(_mm256_srli_epi16(both, 4), low));
}

BNN_AVX2 inline __m256i look_up_three(__m256i table0, __m256i table1, __m256i table2,
                                          const __m256i* weights) {
    return _mm256_add_epi8(_mm256_add_epi8(_mm256_shuffle_epi8(table0, weights[0]),
                                           _mm256_shuffle_epi8(table1, weights[2])),
                           _mm256_shuffle_epi8(table2, weights[4]));
}

// Widens 32 byte counts to 16 bits: the even channels, then the odd ones.
template <bool first_chunk>
BNN_AVX2 inline void flush(__m256i bytes, __m256i* counts) {
    __m256i even = _mm256_and_si256(bytes, _mm256_set1_epi16(255));
    __m256i odd = _mm256_srli_epi16(bytes, 8);
    if (!first_chunk) {
        even = _mm256_add_epi16(even, counts[0]);
        odd = _mm256_add_epi16(odd, counts[1]);
    }
    counts[0] = even;
    counts[1] = odd;
}

// Counts of one pair of pixels, as bytes: two vectors of 32 channels for each pixel.
struct PairBytes {
    __m256i first_low, first_high, second_low, second_high;
};

template <bool first_chunk>
BNN_AVX2 inline void flush_pair(const PairBytes& bytes, std::uint16_t* counts) {
    auto* to = reinterpret_cast<__m256i*>(counts);
    flush<first_chunk>(bytes.first_low, to);
    flush<first_chunk>(bytes.first_high, to + 2);
    flush<first_chunk>(bytes.second_low, to + 4);
    flush<first_chunk>(bytes.second_high, to + 6);
}

BNN_AVX2 inline void add_three(PairBytes& bytes, const std::uint16_t* stream,
                                   const __m256i* weights) {
    const __m256i table0 = table_at(stream[0]), table1 = table_at(stream[1]),
                  table2 = table_at(stream[2]);
    add_halves(look_up_three(table0, table1, table2, weights), bytes.first_low, bytes.second_low);
    add_halves(look_up_three(table0, table1, table2, weights + 1), bytes.first_high,
               bytes.second_high);
}

BNN_AVX2 inline void add_one(PairBytes& bytes, const std::uint16_t* stream,
                                 const __m256i* weights) {
    const __m256i table = table_at(*stream);
    add_halves(_mm256_shuffle_epi8(table, weights[0]), bytes.first_low, bytes.second_low);
    add_halves(_mm256_shuffle_epi8(table, weights[1]), bytes.first_high, bytes.second_high);
}

// One chunk of two pairs of pixels and 64 channels: 8 accumulators in registers.
template <bool first_chunk>
BNN_AVX2 void count_tile(const std::uint16_t* stream0, const std::uint16_t* stream1,
                             const std::uint8_t* block_weights, const Chunk& chunk,
                             std::uint16_t* counts0, std::uint16_t* counts1) {
    const auto* weights =
        reinterpret_cast<const __m256i*>(block_weights + chunk.weight_offset);
    stream0 += chunk.stream_offset;
    stream1 += chunk.stream_offset;
    const __m256i zero = _mm256_setzero_si256();
    PairBytes pair0{zero, zero, zero, zero}, pair1{zero, zero, zero, zero};
    for (int three = chunk.threes; three > 0; --three) {
        add_three(pair0, stream0, weights);
        add_three(pair1, stream1, weights);
        stream0 += 3, stream1 += 3, weights += 6;
    }
    for (int one = chunk.rest; one > 0; --one) {
        add_one(pair0, stream0++, weights);
        add_one(pair1, stream1++, weights);
        weights += 2;
    }
    flush_pair<first_chunk>(pair0, counts0);
    flush_pair<first_chunk>(pair1, counts1);
}

// The table offsets for two positions: nibble by nibble, low ones of all bytes of a word first.
BNN_AVX2 inline void write_stream(const std::uint64_t* first, const std::uint64_t* second,
                                      int words, std::uint16_t* stream) {
    constexpr std::uint64_t low = 0x0f0f0f0f0f0f0f0f;
    for (int word = 0; word < words; ++word, stream += nibbles_per_word) {
        const std::uint64_t lower = (first[word] & low) | (second[word] & low) << 4;
        const std::uint64_t upper = (first[word] >> 4 & low) | (second[word] & ~low);
        const __m256i pairs = _mm256_cvtepu8_epi16(
            _mm_set_epi64x(static_cast<long long>(upper), static_cast<long long>(lower)));
        _mm256_storeu_si256(reinterpret_cast<__m256i*>(stream), _mm256_slli_epi16(pairs, 4));
    }
}

// Where the count of a channel of a block lies after `flush`.
constexpr int count_place(int channel) {
    return channel / 32 * 32 + channel % 2 * 16 + channel % 32 / 2;
}

BNN_AVX2 inline std::uint64_t compare(const std::uint16_t* counts, const std::int16_t* limits) {
    std::uint64_t word = 0;
    for (int half = 0; half < 2; ++half) {
        const auto* count = reinterpret_cast<const __m256i*>(counts + half * 32);
        const auto* limit = reinterpret_cast<const __m256i*>(limits + half * 32);
        const __m256i even = _mm256_cmpgt_epi16(limit[0], count[0]);
        const __m256i odd = _mm256_cmpgt_epi16(limit[1], count[1]);
        const __m256i bytes = _mm256_blendv_epi8(odd, even, _mm256_set1_epi16(255));
        word |= std::uint64_t{static_cast<std::uint32_t>(_mm256_movemask_epi8(bytes))} << (half * 32);
    }
    return word;
}

class ConvBitsAvx2 final : public ConvBits {
public:
    explicit ConvBitsAvx2(const ConvBitsSpec& spec)
        : geometry_(spec.geometry),
          rule_(spec),
          pixel_words_(words_for(geometry_.in_channels)),
          columns_((geometry_.out_width - 1) * geometry_.stride_x +
                   (geometry_.kernel_width - 1) * geometry_.dilation_x + 1),
          row_stream_(columns_ * pixel_words_ * nibbles_per_word),
          row_pairs_((geometry_.out_width + 1) / 2),
          strip_rows_(std::clamp(strip_pixels / geometry_.out_width, 1, geometry_.out_height)) {
        plan_chunks();
        locate_pairs();
        reorder_weights();
        reorder_limits();
    }

    static bool takes(const ConvBitsSpec& spec) {
        const Geometry& g = spec.geometry;
        const bool whole_words =
            g.groups == 1 ||
            (g.group_channels() % 64 == 0 && g.out_channels / g.groups % block_channels == 0);
        return whole_words && g.taps() * g.group_channels() <= max_terms &&
               g.out_height * g.out_width > 1;
    }

    std::size_t scratch_bytes() const override {
        return counts_bytes() + static_cast<std::size_t>(strip_input_rows(strip_rows_)) *
                                    row_stream_ * sizeof(std::uint16_t);
    }

    void run(const std::uint64_t* input, const Region& region, const ConvOutput& output,
             void* scratch) const override {
        auto* counts = static_cast<std::uint16_t*>(scratch);
        auto* streams = counts + counts_bytes() / sizeof(std::uint16_t);
        for (int row = region.row; row < region.row_end; row += strip_rows_) {
            const int rows = std::min(strip_rows_, region.row_end - row);
            write_streams(input, row, rows, streams);
            for (int block = region.block; block < region.block_end; ++block) {
                count_strip(rows, block, streams, counts);
                write_output(row, rows, block, counts, output);
            }
        }
    }

private:
    int strip_input_rows(int rows) const {
        return (rows - 1) * geometry_.stride_y +
               (geometry_.kernel_height - 1) * geometry_.dilation_y + 1;
    }

    // A slot per pair, and one that takes what an odd number of pairs leaves over.
    std::size_t counts_bytes() const {
        return static_cast<std::size_t>(strip_rows_ * row_pairs_ + 1) * pair_counts *
               sizeof(std::uint16_t);
    }

    int window_nibbles() const {
        return geometry_.taps() * geometry_.group_words() * nibbles_per_word;
    }

    // Taps side by side in memory are one run, unless groups or dilation part them.
    void plan_chunks() {
        const Geometry& g = geometry_;
        const bool joined = g.groups == 1 && g.dilation_x == 1;
        const int runs = joined ? 1 : g.kernel_width;
        const int length = (joined ? g.kernel_width : 1) * g.group_words() * nibbles_per_word;
        const int pieces = (length + nibbles_per_flush - 1) / nibbles_per_flush;
        const int most = ((length + pieces - 1) / pieces + 2) / 3 * 3;
        std::uint32_t weight_offset = 0;
        for (int i = 0; i < g.kernel_height; ++i) {
            for (int j = 0; j < runs; ++j) {
                const std::uint32_t start =
                    i * g.dilation_y * row_stream_ +
                    j * g.dilation_x * pixel_words_ * nibbles_per_word;
                for (int done = 0; done < length; done += most) {
                    const int nibbles = std::min(most, length - done);
                    chunks_.push_back({start + done, weight_offset, nibbles / 3, nibbles % 3});
                    weight_offset += nibbles * block_channels;
                }
            }
        }
    }

    // For each block of 64 channels and each nibble of the window: a byte per channel.
    void reorder_weights() {
        const int words = geometry_.taps() * geometry_.group_words();
        const int blocks = words_for(geometry_.out_channels);
        weights_.resize(static_cast<std::size_t>(blocks) * window_nibbles() * block_channels);
        for (int channel = 0; channel < geometry_.out_channels; ++channel) {
            std::uint8_t* to = weights_.data() +
                               static_cast<std::size_t>(channel / block_channels) *
                                   window_nibbles() * block_channels +
                               channel % block_channels;
            const std::uint64_t* from =
                rule_.weight.data() + static_cast<std::size_t>(channel) * words;
            for (int nibble = 0; nibble < window_nibbles(); ++nibble, to += block_channels) {
                const int within = nibble % nibbles_per_word;
                const int shift = within < 8 ? within * 8 : (within - 8) * 8 + 4;
                *to = from[nibble / nibbles_per_word] >> shift & 15;
            }
        }
    }

    void reorder_limits() {
        if (rule_.limit.empty()) return;
        const int channels = geometry_.out_channels, blocks = words_for(channels);
        limits_.resize(static_cast<std::size_t>(rule_.classes.count()) * blocks * block_channels);
        for (int border_class = 0; border_class < rule_.classes.count(); ++border_class) {
            for (int channel = 0; channel < channels; ++channel) {
                const std::size_t block =
                    static_cast<std::size_t>(border_class) * blocks + channel / block_channels;
                limits_.data()[block * block_channels + count_place(channel % block_channels)] =
                    static_cast<std::int16_t>(
                        rule_.limit[static_cast<std::size_t>(border_class) * channels + channel]);
            }
        }
    }

    void write_streams(const std::uint64_t* input, int row, int rows,
                       std::uint16_t* streams) const {
        for (int line = 0; line < strip_input_rows(rows); ++line) {
            const std::uint64_t* from =
                input + (row * geometry_.stride_y + line) * geometry_.row_stride;
            for (int column = 0; column < columns_; ++column) {
                // Behind the last column is no second pixel; any will do.
                const int partner = std::min(column + geometry_.stride_x, columns_ - 1);
                write_stream(from + column * pixel_words_, from + partner * pixel_words_,
                             pixel_words_,
                             streams + line * row_stream_ +
                                 column * pixel_words_ * nibbles_per_word);
            }
        }
    }

    // From the start of a strip's streams to that of each pair of pixels.
    void locate_pairs() {
        for (int row = 0; row < strip_rows_; ++row) {
            for (int pair = 0; pair < row_pairs_; ++pair) {
                const int line = row * geometry_.stride_y, column = pair * 2 * geometry_.stride_x;
                pair_offsets_.push_back(static_cast<std::ptrdiff_t>(line) * row_stream_ +
                                        column * pixel_words_ * nibbles_per_word);
            }
        }
    }

    // From the stream of a pixel to that of the group that a block of channels reads.
    int group_offset(int block) const {
        const int group = block * block_channels / (geometry_.out_channels / geometry_.groups);
        return geometry_.groups == 1
                   ? 0
                   : group * geometry_.group_words() * nibbles_per_word;
    }

    void count_strip(int rows, int block, const std::uint16_t* streams,
                     std::uint16_t* counts) const {
        const std::uint8_t* weights =
            weights_.data() + static_cast<std::size_t>(block) * window_nibbles() * block_channels;
        const int pairs = rows * row_pairs_;
        streams += group_offset(block);
        for (const Chunk& chunk : chunks_) {
            const auto tile = &chunk == &chunks_.front() ? count_tile<true> : count_tile<false>;
            for (int pair = 0; pair < pairs; pair += 2) {
                const int other = std::min(pair + 1, pairs - 1);
                const int slot = pair + 1 < pairs ? pair + 1 : strip_rows_ * row_pairs_;
                tile(streams + pair_offsets_[pair], streams + pair_offsets_[other], weights, chunk, counts + pair * pair_counts, counts + slot * pair_counts);
            }
        }
    }

    void write_output(int row, int rows, int block, const std::uint16_t* counts,
                      const ConvOutput& output) const {
        const int width = geometry_.out_width, blocks = words_for(geometry_.out_channels);
        for (int y = row; y < row + rows; ++y) {
            for (int x = 0; x < width; ++x) {
                const std::uint16_t* pixel =
                    counts + ((y - row) * row_pairs_ + x / 2) * pair_counts +
                    x % 2 * block_channels;
                const int border_class = rule_.classes.of(y, x);
                if (output.sums != nullptr) {
                    write_sums(pixel, border_class, block,
                               output.sums + (static_cast<std::ptrdiff_t>(y) * width + x) *
                                                 geometry_.out_channels);
                    continue;
                }
                const std::size_t limits =
                    (static_cast<std::size_t>(border_class) * blocks + block) * block_channels;
                output.bits[y * output.bits_row_stride + x * blocks + block] =
                    compare(pixel, limits_.data() + limits);
            }
        }
    }

    void write_sums(const std::uint16_t* counts, int border_class, int block,
                    std::int32_t* sums) const {
        const int channels = geometry_.out_channels;
        const int end = std::min((block + 1) * block_channels, channels);
        const std::int32_t* at_zero =
            rule_.sum_at_zero.data() + static_cast<std::size_t>(border_class) * channels;
        for (int channel = block * block_channels; channel < end; ++channel)
            sums[channel] = at_zero[channel] - 2 * counts[count_place(channel % block_channels)];
    }

    Geometry geometry_;
    CountRule rule_;
    int pixel_words_;
    int columns_;     // of the input that windows touch
    int row_stream_;  // length of the stream of an input row
    int row_pairs_, strip_rows_;
    std::vector<Chunk> chunks_;
    std::vector<std::ptrdiff_t> pair_offsets_;
    AlignedVector<std::uint8_t> weights_;
    AlignedVector<std::int16_t> limits_;
};

std::unique_ptr<ConvBits> make(const ConvBitsSpec& spec) {
    if (!ConvBitsAvx2::takes(spec)) return nullptr;
    return std::make_unique<ConvBitsAvx2>(spec);
}

[[maybe_unused]] const bool registered = ConvBitsTable::add("avx2", make);

}  // namespace
}  // namespace bnn
#endif
