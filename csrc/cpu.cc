#include "cpu.h"

#include <stdexcept>

namespace bnn {
namespace {

// GCC's checks look at XCR0 too: a processor with wide registers that the operating system does
// not save counts as one without them.
#if defined(__x86_64__)
// Fused multiply-adds of real numbers come with it in every processor but a few of VIA.
bool has_avx2() { return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"); }

bool has_avx512bw() {
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw");
}

// Bytes and dot products of bytes come with it in every processor but Knights Mill.
bool has_avx512vpopcntdq() {
    return has_avx512bw() && __builtin_cpu_supports("avx512vpopcntdq") && __builtin_cpu_supports("avx512vnni");
}

std::vector<Isa> find_isas() {
    __builtin_cpu_init();
    return {{"avx512vpopcntdq", has_avx512vpopcntdq()},
            {"avx512bw", has_avx512bw()},
            {"avx2", has_avx2()},
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
