#include "cpu.h"

#if defined(__x86_64__)
#include <cpuid.h>
#endif

#include <stdexcept>

namespace bnn {
namespace {

#if defined(__x86_64__)
// The processor itself is asked. What the compiler's runtime knows about it depends on the compiler,
// and the runtime of zig, which makes the wheels, knows nothing.
struct Features {
    unsigned basic_c = 0, extended_b = 0, extended_c = 0, saved = 0;

    Features() {
        unsigned a = 0, b = 0, c = 0, d = 0;
        if (!__get_cpuid(1, &a, &b, &c, &d)) return;
        basic_c = c;
        if (__get_cpuid_count(7, 0, &a, &b, &c, &d)) extended_b = b, extended_c = c;
        // XCR0: wide registers do not count where the operating system does not save them.
        if (basic_c >> 27 & 1) asm volatile("xgetbv" : "=a"(saved), "=d"(d) : "c"(0));
    }

    // Every processor with AVX2, except a few of VIA, also has fused multiply-adds of real numbers.
    bool avx2() const { return (saved & 0x6) == 0x6 && extended_b >> 5 & 1 && basic_c >> 12 & 1; }
    bool avx512bw() const {
        return (saved & 0xe6) == 0xe6 && extended_b >> 16 & 1 && extended_b >> 30 & 1;
    }
    // Every processor with it, except Knights Mill, also has byte operations and dot products of
    // bytes.
    bool avx512vpopcntdq() const {
        return avx512bw() && extended_c >> 14 & 1 && extended_c >> 11 & 1;
    }
};

std::vector<Isa> find_isas() {
    const Features features;
    return {{"avx512vpopcntdq", features.avx512vpopcntdq()},
            {"avx512bw", features.avx512bw()},
            {"avx2", features.avx2()},
            {"scalar", true}};
}
#elif defined(__aarch64__)
// NEON is part of the base of 64-bit ARM.
std::vector<Isa> find_isas() { return {{"neon", true}, {"scalar", true}}; }
#else
std::vector<Isa> find_isas() { return {{"scalar", true}}; }
#endif

}  // namespace

const std::vector<Isa>& known_isas() {
    static const std::vector<Isa> isas = find_isas();
    return isas;
}

std::string choose_isa(const std::string& wanted) {
    std::string supported;
    for (const Isa& isa : known_isas()) {
        if (!isa.supported) continue;
        if (wanted.empty() || wanted == isa.name) return isa.name;
        supported += (supported.empty() ? "" : ", ") + std::string(isa.name);
    }
    throw std::invalid_argument("instruction set '" + wanted +
                                "' is not one that this processor runs; known here: " + supported);
}

std::vector<std::string> isas_from(const std::string& chosen) {
    std::vector<std::string> names;
    for (const Isa& isa : known_isas()) {
        if (!names.empty() || chosen == isa.name) names.push_back(isa.name);
    }
    return names;
}

}  // namespace bnn
