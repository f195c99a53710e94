// Every kernel of the named instruction sets beside the scalar one, on random layers:
//   test_kernels LAYERS ISA...
// Needs nothing but the kernels, so that a cross-compiled one runs under an emulator.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <initializer_list>
#include <random>
#include <string>
#include <vector>

#include "kernels/aligned.h"
#include "kernels/conv_bits/contract.h"
#include "kernels/conv_f32/contract.h"
#include "kernels/conv_u8/contract.h"
#include "kernels/epilogue/contract.h"

namespace {

using namespace bnn;

std::mt19937_64 source(20261124);

int pick(std::initializer_list<int> choices) {
    return choices.begin()[source() % choices.size()];
}

int outputs(int size, int padding, int kernel, int stride, int dilation) {
    return (size + 2 * padding - dilation * (kernel - 1) - 1) / stride + 1;
}

// Sizes are 1, powers of two and their neighbours; what does not fit is drawn anew.
Geometry draw_geometry(bool pixels) {
    while (true) {
        Geometry g{};
        g.groups = pick({1, 1, 1, 2, 3});
        g.in_channels = g.groups * (pixels ? pick({1, 2, 3, 4, 5}) : pick({1, 8, 16, 21, 31, 32, 33, 48, 63, 64, 65, 127, 128, 129, 320}));
        g.out_channels = g.groups * pick({1, 15, 16, 17, 32, 33, 47, 63, 64, 65, 128});
        g.in_height = pick({1, 2, 3, 4, 5, 8, 9});
        g.in_width = pick({1, 2, 3, 4, 7, 8, 9, 17});
        g.kernel_height = pick({1, 2, 3});
        g.kernel_width = pick({1, 2, 3, 5});
        g.stride_y = pick({1, 1, 2});
        g.stride_x = pick({1, 1, 2, 3});
        g.dilation_y = pick({1, 1, 2});
        g.dilation_x = pick({1, 1, 2});
        g.top = pick({0, 1, 2});
        g.left = pick({0, 1, 3});
        const int reach_y = g.dilation_y * (g.kernel_height - 1) + 1;
        const int reach_x = g.dilation_x * (g.kernel_width - 1) + 1;
        if (g.in_height + 2 * g.top < reach_y || g.in_width + 2 * g.left < reach_x) continue;
        g.out_height = outputs(g.in_height, g.top, g.kernel_height, g.stride_y, g.dilation_y);
        g.out_width = outputs(g.in_width, g.left, g.kernel_width, g.stride_x, g.dilation_x);
        g.row_stride = static_cast<std::ptrdiff_t>(g.in_width + 2 * g.left) *
                       (pixels ? g.in_channels : words_for(g.in_channels));
        return g;
    }
}

std::uint64_t tail_mask(int bits) {
    return bits % 64 ? (std::uint64_t{1} << (bits % 64)) - 1 : ~std::uint64_t{0};
}

// Rows of `bits` bits each, in words whose tail is 0.
std::vector<std::uint64_t> draw_words(int rows, int bits) {
    std::vector<std::uint64_t> words;
    for (int row = 0; row < rows; ++row)
        for (int word = 0; word < words_for(bits); ++word)
            words.push_back(source() & (word == words_for(bits) - 1 ? tail_mask(bits) : ~0ULL));
    return words;
}

struct DrawnThresholds {
    std::vector<std::int32_t> value;
    std::vector<std::uint64_t> below;

    // Near the middle of what sums can be, at its ends, and far beyond.
    DrawnThresholds(int channels, int most) : below(draw_words(1, channels)) {
        for (int channel = 0; channel < channels; ++channel) {
            const int near = static_cast<int>(source() % (most / 4 + 1)) - most / 8;
            value.push_back(pick({near, near, near, near, -most, most, -most - 1, most + 1,
                                  -(1 << 30), 1 << 30}));
        }
    }
};

struct Output {
    std::vector<std::uint64_t> bits;
    std::vector<std::int32_t> sums;
    bool operator==(const Output&) const = default;
};

// Several regions, so that parts of a map and, without groups, of its channels occur.
std::vector<Region> draw_regions(const Geometry& g) {
    const int row = static_cast<int>(source() % (g.out_height + 1)), blocks = words_for(g.out_channels);
    if (g.groups > 1) return {{0, row, 0, blocks}, {row, g.out_height, 0, blocks}};
    return {{0, row, 0, blocks},
            {row, g.out_height, 0, blocks / 2},
            {row, g.out_height, blocks / 2, blocks}};
}

// has_room: sums with room after each position, whose content is not compared.
template <typename Run>
Output run_parts(const Geometry& g, bool to_sums, bool has_room,
                 const std::vector<Region>& regions, Run run) {
    Output output;
    const std::size_t pixels = static_cast<std::size_t>(g.out_height) * g.out_width;
    const int blocks = words_for(g.out_channels);
    const int stride = has_room ? (blocks + 1) * 64 : g.out_channels;
    output.bits.assign(to_sums ? 0 : pixels * blocks, 0x5555);
    output.sums.assign(to_sums ? pixels * stride : 0, 77);
    const ConvOutput place =
        to_sums ? ConvOutput::of_sums(output.sums.data(), stride, 0, has_room)
                : ConvOutput::of_bits(output.bits.data(),
                                      static_cast<std::ptrdiff_t>(g.out_width) * blocks);
    for (const Region& region : regions) run(region, place);
    for (std::size_t k = 0; k < output.sums.size(); ++k)
        if (static_cast<int>(k % stride) >= g.out_channels) output.sums[k] = 0;
    return output;
}

[[noreturn]] void fail(const char* what, const std::string& isa, const Geometry& g) {
    std::printf("%s, %s differs from scalar: %dx%dx%d -> %dx%dx%d, kernel %dx%d, stride %dx%d, "
                "dilation %dx%d, padding %dx%d, groups %d\n",
                what, isa.c_str(), g.in_height, g.in_width, g.in_channels, g.out_height,
                g.out_width, g.out_channels, g.kernel_height, g.kernel_width, g.stride_y,
                g.stride_x, g.dilation_y, g.dilation_x, g.top, g.left, g.groups);
    std::exit(1);
}

template <typename Table, typename Spec, typename Run>
int compare(const char* what, const Spec& spec, const std::vector<std::string>& isas, Run run) {
    const Geometry& g = spec.geometry;
    const std::vector<Region> regions = draw_regions(g);
    const bool to_sums = spec.thresholds == nullptr, has_room = pick({0, 1});
    const auto scalar = std::move(Table::all_of("scalar", spec).front());
    const auto run_with = [&](const auto& kernel) {
        return run_parts(g, to_sums, has_room, regions, [&](const Region& region, const ConvOutput& output) {
            run(*kernel, region, output);
        });
    };
    const Output expected = run_with(scalar);
    int compared = 0;
    for (const std::string& isa : isas) {
        for (const auto& kernel : Table::all_of(isa, spec)) {
            if (run_with(kernel) != expected) fail(what, isa, g);
            ++compared;
        }
    }
    return compared;
}

int compare_bits(const std::vector<std::string>& isas) {
    Geometry g = draw_geometry(false);
    if (pick({0, 0, 0, 1})) g.in_channels = g.out_channels = g.groups = pick({2, 63, 64, 65, 130});
    g.row_stride = static_cast<std::ptrdiff_t>(g.in_width + 2 * g.left) * words_for(g.in_channels);
    const int words = words_for(g.in_channels), wide = g.in_width + 2 * g.left;
    const int height = g.in_height + 2 * g.top;
    std::vector<std::uint64_t> map = draw_words(height * wide, g.in_channels);
    for (int y = 0; y < height; ++y)
        for (int x = 0; x < wide; ++x)
            if (y < g.top || y >= g.top + g.in_height || x < g.left || x >= g.left + g.in_width)
                std::fill_n(map.begin() + (y * wide + x) * words, words, 0);
    map.resize(map.size() + 7, ~std::uint64_t{0});
    const auto weight = draw_words(g.out_channels * g.taps(), g.group_channels());
    const DrawnThresholds drawn(g.out_channels, g.taps() * g.group_channels());
    const Thresholds thresholds{drawn.value.data(), drawn.below.data()};
    const ConvBitsSpec spec{g, pick({-1, 0, 1}), weight.data(), pick({0, 1}) ? &thresholds : nullptr};
    return compare<ConvBitsTable>(
        "conv_bits", spec, isas,
        [&](const ConvBits& kernel, const Region& region, const ConvOutput& output) {
            AlignedVector<std::byte> scratch;
            scratch.resize(kernel.scratch_bytes());
            kernel.run(map.data(), region, output, scratch.data());
        });
}

int compare_pixels(const std::vector<std::string>& isas) {
    const Geometry g = draw_geometry(true);
    const int wide = g.in_width + 2 * g.left, height = g.in_height + 2 * g.top;
    std::vector<std::uint8_t> map(static_cast<std::size_t>(height) * g.row_stride + 15);
    for (int y = g.top; y < g.top + g.in_height; ++y)
        for (int k = g.left * g.in_channels; k < (wide - g.left) * g.in_channels; ++k)
            map[y * g.row_stride + k] = static_cast<std::uint8_t>(pick({0, 255, 255}) ^ (source() & pick({0, 255})));
    const auto weight = draw_words(g.out_channels * g.taps(), g.group_channels());
    const DrawnThresholds drawn(g.out_channels, g.taps() * g.group_channels() * 255);
    const Thresholds thresholds{drawn.value.data(), drawn.below.data()};
    const ConvU8Spec spec{g, pick({1, 2}), pick({0, -255, -1}), weight.data(),
                          pick({0, 1}) ? &thresholds : nullptr};
    return compare<ConvU8Table>(
        "conv_u8", spec, isas,
        [&](const ConvU8& kernel, const Region& region, const ConvOutput& output) {
            AlignedVector<std::byte> scratch;
            scratch.resize(kernel.scratch_bytes());
            kernel.run(map.data(), region, output, scratch.data());
        });
}

float draw_number() {
    const int kind = pick({0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4, 5});
    if (kind == 1) return 0.0F;
    if (kind == 2) return -0.0F;
    if (kind == 3) return HUGE_VALF;
    if (kind == 4) return -HUGE_VALF;
    if (kind == 5) return std::nanf("");
    return std::uniform_real_distribution<float>(-2, 2)(source);
}

std::vector<float> draw_numbers(std::size_t count, bool all_finite) {
    std::vector<float> numbers(count);
    for (float& number : numbers)
        do number = draw_number();
        while (all_finite && !std::isfinite(number));
    return numbers;
}

// Bit for bit; NaN is NaN.
bool same(const std::vector<float>& left, const std::vector<float>& right) {
    for (std::size_t k = 0; k < left.size(); ++k)
        if (std::memcmp(&left[k], &right[k], 4) != 0 && !(std::isnan(left[k]) && std::isnan(right[k])))
            return false;
    return true;
}

int compare_reals(const std::vector<std::string>& isas) {
    Geometry g = draw_geometry(true);
    if (pick({0, 0, 1})) g.in_channels = g.out_channels = g.groups = pick({2, 15, 16, 17, 65});
    g.row_stride = static_cast<std::ptrdiff_t>(g.in_width + 2 * g.left) * g.in_channels;
    const std::size_t height = g.in_height + 2 * g.top;
    // A kernel may read a block of channels at the last pixel.
    const std::vector<float> map = draw_numbers(height * g.row_stride + 64, true);
    const auto weight = draw_numbers(
        static_cast<std::size_t>(g.out_channels) * g.taps() * g.group_channels(), true);
    const ConvF32Spec spec{g, weight.data()};
    const std::vector<Region> regions = draw_regions(g);
    const int stride = (words_for(g.out_channels) + 1) * 64;
    const auto run_with = [&](const ConvF32& kernel) {
        std::vector<float> all;
        for (const Region& region : regions) {
            const int positions = (region.row_end - region.row) * g.out_width;
            std::vector<float> numbers(static_cast<std::size_t>(positions) * stride);
            kernel.run(map.data(), region, {numbers.data(), stride});
            for (int position = 0; position < positions; ++position)
                for (int c = region.block * 64; c < std::min(region.block_end * 64, g.out_channels); ++c)
                    all.push_back(numbers[static_cast<std::size_t>(position) * stride + c]);
        }
        return all;
    };
    const std::vector<float> expected = run_with(*ConvF32Table::all_of("scalar", spec).front());
    int compared = 0;
    for (const std::string& isa : isas) {
        for (const auto& kernel : ConvF32Table::all_of(isa, spec)) {
            if (!same(run_with(*kernel), expected)) fail("conv_f32", isa, g);
            ++compared;
        }
    }
    return compared;
}

// A random chain on a random row; the maps that it writes.
int compare_epilogues(const std::vector<std::string>& isas) {
    const int channels = pick({1, 10, 15, 16, 17, 32, 33, 64, 65, 128, 130});
    const int blocks = words_for(channels), stride = blocks * 64;
    const int positions = pick({1, 2, 3, 4, 5, 7, 16, 33});
    const int first = pick({0, 0, blocks - 1});
    std::vector<float> from = draw_numbers(static_cast<std::size_t>(positions) * stride, false);
    const bool sums = pick({0, 1});
    if (sums)
        for (float& number : from) {
            const std::int32_t sum = static_cast<std::int32_t>(source() % 9000) - 4500;
            std::memcpy(&number, &sum, 4);
        }
    std::vector<float> other = draw_numbers(static_cast<std::size_t>(positions) * channels + 64, false);
    std::vector<std::vector<float>> parameters;
    std::vector<EpilogueOp> ops;
    const auto parameter = [&](float beyond) {
        parameters.push_back(draw_numbers(stride, false));
        std::fill(parameters.back().begin() + channels, parameters.back().end(), beyond);
        return parameters.back().data();
    };
    using Kind = EpilogueOp::Kind;
    for (int count = pick({1, 2, 5, 9}); count > 0; --count) {
        EpilogueOp op{static_cast<Kind>(pick({0, 1, 2, 3, 4, 5})), nullptr, nullptr, -1, 1, nullptr, channels};
        if (op.kind == Kind::affine) op.first = parameter(0), op.second = parameter(0);
        if (op.kind == Kind::prelu) op.first = parameter(0);
        if (op.kind == Kind::add) op.map = other.data();
        if (op.kind == Kind::threshold) {
            op.first = parameter(HUGE_VALF);
            op.second = parameter(0);
            for (float& sign : parameters.back()) sign = pick({0, 1}) ? 0.0F : -0.0F;
            op.stride = blocks;
        }
        ops.push_back(op);
    }
    const auto run_with = [&](Epilogue epilogue) {
        std::vector<float> written;
        std::vector<std::vector<float>> maps;
        std::vector<EpilogueOp> own = ops;
        for (EpilogueOp& op : own) {
            if (op.kind != Kind::store && op.kind != Kind::threshold) continue;
            maps.emplace_back(static_cast<std::size_t>(positions) * op.stride * 2, 0.0F);
            op.map = maps.back().data();
        }
        epilogue({from.data(), sums, stride, positions, first * 64, channels, own.data(),
                  own.data() + own.size()});
        for (const auto& map : maps) written.insert(written.end(), map.begin(), map.end());
        return written;
    };
    const std::vector<float> expected = run_with(epilogue_for("scalar"));
    int compared = 0;
    for (const std::string& isa : isas) {
        if (!same(run_with(epilogue_for(isa)), expected)) {
            std::printf("epilogue, %s differs from scalar: %d positions, channels %d to %d, %zu operations\n",
                        isa.c_str(), positions, first * 64, channels, ops.size());
            std::exit(1);
        }
        ++compared;
    }
    return compared;
}

}  // namespace

int main(int count, char** arguments) {
    if (count < 3) {
        std::printf("usage: test_kernels LAYERS ISA...\n");
        return 2;
    }
    const std::vector<std::string> isas(arguments + 2, arguments + count);
    int bits = 0, pixels = 0, reals = 0, epilogues = 0;
    for (int layer = std::atoi(arguments[1]); layer > 0; --layer) {
        bits += compare_bits(isas);
        pixels += compare_pixels(isas);
        reals += compare_reals(isas);
        epilogues += compare_epilogues(isas);
    }
    std::printf("equal to scalar: %d conv_bits, %d conv_u8 and %d conv_f32 kernels, %d epilogues\n",
                bits, pixels, reals, epilogues);
    return bits > 0 && pixels > 0 && reals > 0 && epilogues > 0 ? 0 : 1;
}
