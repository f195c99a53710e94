#include "cpu.h"

#include <stdexcept>

namespace bnn {
namespace {

// GCC's check looks at XCR0 too: a processor with wide registers that the operating system does
// not save counts as one without them.
bool has_avx2() {
#if defined(__x86_64__)
    __builtin_cpu_init();
    return __builtin_cpu_supports("avx2") != 0;
#else
    return false;
#endif
}

}  // namespace

const std::vector<Isa>& known_isas() {
    static const std::vector<Isa> isas = {{"avx2", has_avx2()}, {"scalar", true}};
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
