// Binary convolution by byte shuffles, which look up the popcount of four bits XOR four bits, for two
// output positions at once. For instruction sets without a popcount of lanes.
//
// The index of a look-up is a nibble of the weights, one for each output channel. There is a table
// for each pair of nibbles a and b that two positions read. Its entry for w holds popcount(a ^ w) in
// the lower half of a byte and popcount(b ^ w) in the upper half. All 256 tables need 4 KB. So a
// shuffle does twice as many multiply-adds as one with a table for a single position, and three
// results can be added before a half could exceed 15.
//
// Windows are read as streams of table offsets. A chunk of the weights stays in L1 while a strip of
// positions uses it. A Tile holds the part of an instruction set, for 64 channels:
//   pairs                     pairs of positions of a tile
//   count<first>(streams, weights, chunk, counts)
//                             adds a chunk's counts of differing bits, or writes them if it is the first
//   place(channel)            the place of its count in the 64 of a position; eights stay together
//   bits(counts, limits)      the word of 64 channels: count < limit
//   sums(counts, at_zero, channels, sums)
//                             write_sums, compiled for it
#pragma once
#if defined(__x86_64__)
#include <emmintrin.h>

#include <algorithm>
#include <array>

#include "kernels/aligned.h"
#include "kernels/conv_bits/contract.h"
#include "kernels/unrolled.h"

namespace bnn::shuffle {

constexpr int nibbles_per_word = 16;
constexpr int block_channels = 64;
constexpr int pair_counts = 2 * block_channels;
// A nibble adds 4 at most to a byte: 63 of them reach 252.
constexpr int nibbles_per_flush = 63;
// The positions whose counts are kept while the weights of a chunk stay in L1.
constexpr int strip_pixels = 128;

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

inline constexpr Tables tables;

// Consecutive nibbles of a window: `threes` times 3, then `rest`.
struct Chunk {
    std::uint32_t stream_offset;  // from the stream of the pair's first position
    std::uint32_t weight_offset;  // bytes, within the weights of a block
    int threes, rest;
};

// Stores the table offsets of the 16 pairs of nibbles of a word.
inline void store_offsets(__m128i pairs, std::uint16_t* to) {
    const __m128i zero = _mm_setzero_si128();
    auto* at = reinterpret_cast<__m128i*>(to);
    _mm_storeu_si128(at, _mm_slli_epi16(_mm_unpacklo_epi8(pairs, zero), 4));
    _mm_storeu_si128(at + 1, _mm_slli_epi16(_mm_unpackhi_epi8(pairs, zero), 4));
}

// Writes the table offsets of two words, seen by one position as `first` and by the next as `second`. In
// a word, the low nibbles of all bytes come first.
inline void write_two(__m128i first, __m128i second, std::uint16_t* stream, bool both) {
    const __m128i low = _mm_set1_epi8(15);
    const __m128i lower = _mm_or_si128(_mm_and_si128(first, low),
                                       _mm_slli_epi16(_mm_and_si128(second, low), 4));
    const __m128i upper = _mm_or_si128(_mm_and_si128(_mm_srli_epi16(first, 4), low),
                                       _mm_andnot_si128(low, second));
    store_offsets(_mm_unpacklo_epi64(lower, upper), stream);
    if (both) store_offsets(_mm_unpackhi_epi64(lower, upper), stream + nibbles_per_word);
}

inline void write_stream(const std::uint64_t* first, const std::uint64_t* second, int words,
                         std::uint16_t* stream) {
    const auto two_at = [](const std::uint64_t* at) {
        return _mm_loadu_si128(reinterpret_cast<const __m128i*>(at));
    };
    const auto one_at = [](const std::uint64_t* at) {
        return _mm_loadl_epi64(reinterpret_cast<const __m128i*>(at));
    };
    int word = 0;
    for (; word + 2 <= words; word += 2, stream += 2 * nibbles_per_word)
        write_two(two_at(first + word), two_at(second + word), stream, true);
    if (word < words) write_two(one_at(first + word), one_at(second + word), stream, false);
}

// Writes at_zero - 2 * count for each channel. It is inlined, so the compiler vectorizes it for the
// caller's instruction set.
template <typename Tile>
[[gnu::always_inline]] inline void write_sums(const std::uint16_t* counts,
                                              const std::int32_t* __restrict at_zero, int channels,
                                              std::int32_t* __restrict sums) {
    if (channels == block_channels) {
        BNN_UNROLLED for (int channel = 0; channel < block_channels; channel += 8)
            for (int k = 0; k < 8; ++k)
                sums[channel + k] = at_zero[channel + k] - 2 * counts[Tile::place(channel) + k];
        return;
    }
    for (int channel = 0; channel < channels; ++channel)
        sums[channel] = at_zero[channel] - 2 * counts[Tile::place(channel)];
}

template <typename Tile>
class ConvBitsShuffle final : public ConvBits {
public:
    explicit ConvBitsShuffle(const ConvBitsSpec& spec)
        : geometry_(spec.geometry),
          rule_(spec),
          pixel_words_(words_for(geometry_.in_channels)),
          columns_(input_columns(geometry_)),
          row_stream_(columns_ * pixel_words_ * nibbles_per_word),
          row_pairs_((geometry_.out_width + 1) / 2),
          strip_rows_(strip_rows(geometry_)) {
        plan_chunks();
        locate_pairs();
        reorder_weights();
        reorder_limits();
    }

    static std::unique_ptr<ConvBits> make(const ConvBitsSpec& spec) {
        const Geometry& g = spec.geometry;
        if (is_narrow(g) || !has_whole_words(g) || streams_outweigh(g) ||
            g.taps() * g.group_channels() > most_shuffle_terms || g.out_height * g.out_width == 1)
            return nullptr;
        return std::make_unique<ConvBitsShuffle>(spec);
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
    // Each strip writes the streams of all rows and columns from its first tap to its last. Where
    // stride or dilation skip most of them, this takes longer than plain counting: writing a word
    // takes about half as long as counting one for an output channel (measured on Zen 3).
    static bool streams_outweigh(const Geometry& g) {
        const int rows = strip_rows(g);
        const double written = static_cast<double>(input_rows(g, rows)) * input_columns(g);
        const double read = static_cast<double>(rows) * g.out_width * g.taps() / g.groups;
        return written > 2 * read * g.out_channels;
    }

    static int strip_rows(const Geometry& g) {
        return std::clamp(strip_pixels / g.out_width, 1, g.out_height);
    }

    // The number of input rows that the windows of some output rows read.
    static int input_rows(const Geometry& g, int rows) {
        return (rows - 1) * g.stride_y + (g.kernel_height - 1) * g.dilation_y + 1;
    }
    static int input_columns(const Geometry& g) {
        return (g.out_width - 1) * g.stride_x + (g.kernel_width - 1) * g.dilation_x + 1;
    }

    int strip_input_rows(int rows) const { return input_rows(geometry_, rows); }

    // A slot per pair, and one for the pairs that fill up the last tile.
    std::size_t counts_bytes() const {
        return static_cast<std::size_t>(strip_rows_ * row_pairs_ + 1) * pair_counts *
               sizeof(std::uint16_t);
    }

    int window_nibbles() const {
        return geometry_.taps() * geometry_.group_words() * nibbles_per_word;
    }

    // Taps that are neighbours in memory are one run, unless groups or dilation separate them.
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
                limits_.data()[block * block_channels + Tile::place(channel % block_channels)] =
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
            std::uint16_t* to = streams + line * row_stream_;
            const int partner = geometry_.stride_x * pixel_words_;
            // After the last column there is no second pixel. Any pixel can replace it.
            const int words = columns_ * pixel_words_, paired = std::max(words - partner, 0);
            write_stream(from, from + partner, paired, to);
            write_stream(from + paired, from + paired, words - paired,
                         to + paired * nibbles_per_word);
        }
    }

    // The distances from the start of a strip's streams to the stream of each pair of pixels.
    void locate_pairs() {
        for (int row = 0; row < strip_rows_; ++row) {
            for (int pair = 0; pair < row_pairs_; ++pair) {
                const int line = row * geometry_.stride_y, column = pair * 2 * geometry_.stride_x;
                pair_offsets_.push_back(static_cast<std::ptrdiff_t>(line) * row_stream_ +
                                        column * pixel_words_ * nibbles_per_word);
            }
        }
    }

    // The distance from the stream of a pixel to the group that a block of channels reads.
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
            const auto tile = &chunk == &chunks_.front() ? Tile::template count<true>
                                                         : Tile::template count<false>;
            const std::uint8_t* chunk_weights = weights + chunk.weight_offset;
            for (int pair = 0; pair < pairs; pair += Tile::pairs) {
                std::array<const std::uint16_t*, Tile::pairs> stream;
                std::array<std::uint16_t*, Tile::pairs> count;
                for (int k = 0; k < Tile::pairs; ++k) {
                    const bool exists = pair + k < pairs;
                    stream[k] = streams + pair_offsets_[exists ? pair + k : pair] + chunk.stream_offset;
                    count[k] = counts + (exists ? pair + k : strip_rows_ * row_pairs_) * pair_counts;
                }
                prefetch_next(chunk_weights, chunk, pair, pairs);
                tile(stream, chunk_weights, chunk, count);
            }
        }
    }

    // Each tile fetches its share of the next chunk. So weights that do not fit in the L2 are on
    // their way during the work on this chunk.
    static void prefetch_next(const std::uint8_t* weights, const Chunk& chunk, int pair, int pairs) {
        const int bytes = (chunk.threes * 3 + chunk.rest) * block_channels;
        const std::uint8_t* next = weights + bytes;
        const int share = (bytes * Tile::pairs / pairs + 63) / 64 * 64;
        const int first = pair / Tile::pairs * share;
        for (int line = first; line < std::min(first + share, bytes); line += 64)
            __builtin_prefetch(next + line);
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
                const std::size_t channels =
                    static_cast<std::size_t>(border_class) * geometry_.out_channels;
                const int first = block * block_channels;
                if (output.sums != nullptr) {
                    Tile::sums(pixel, rule_.sum_at_zero.data() + channels + first,
                               std::min(block_channels, geometry_.out_channels - first),
                               output.sums_at(geometry_, y, x) + first);
                    continue;
                }
                const std::size_t limits =
                    (static_cast<std::size_t>(border_class) * blocks + block) * block_channels;
                output.bits[y * output.bits_row_stride + x * blocks + block] =
                    Tile::bits(pixel, limits_.data() + limits);
            }
        }
    }

    Geometry geometry_;
    CountRule rule_;
    int pixel_words_;
    int columns_;     // the number of input columns that windows read
    int row_stream_;  // length of the stream of an input row
    int row_pairs_, strip_rows_;
    std::vector<Chunk> chunks_;
    std::vector<std::ptrdiff_t> pair_offsets_;
    AlignedVector<std::uint8_t> weights_;
    AlignedVector<std::int16_t> limits_;
};

}  // namespace bnn::shuffle
#endif
