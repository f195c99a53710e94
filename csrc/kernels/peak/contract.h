// The limit that kernels are compared with: the speed of the fewest instructions per binary
// multiply-add that an instruction set allows. They work only on registers; nothing is loaded or
// stored.
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
