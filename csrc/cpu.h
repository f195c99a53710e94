// The namespace is bnn, as <math.h> has a function called signbit.
//
// What instruction sets this processor and its operating system can run.
#pragma once

#include <string>
#include <vector>

namespace bnn {

struct Isa {
    const char* name;
    bool supported;
};

// Every instruction set that kernels may be written for, the fastest first.
const std::vector<Isa>& known_isas();

// The name to run with: the fastest supported, or `wanted` where it is not empty.
// Throws std::invalid_argument for a name that is unknown or not supported here.
std::string choose_isa(const std::string& wanted);

// The known instruction sets from `chosen` down, in which kernels are looked for.
std::vector<std::string> isas_from(const std::string& chosen);

}  // namespace bnn
