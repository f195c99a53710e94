// How fast the fewest instructions per binary multiply-add run that an instruction set allows, on
// registers alone, nothing loaded or stored: what kernels are measured against.
#pragma once

#include <map>
#include <string>

namespace bnn {

struct Peak {
    double (*run)(long rounds);  // does the rounds; returns how many multiply-adds they stand for
    const char* what;            // the instructions, in words
};

inline std::map<std::string, Peak>& peaks() {
    static std::map<std::string, Peak> table;
    return table;
}

inline bool add_peak(const char* isa, Peak peak) {
    peaks()[isa] = peak;
    return true;
}

}  // namespace bnn
