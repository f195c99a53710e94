// The instruction sets that this processor and its operating system can run.
//
// The namespace is bnn, because <math.h> has a function called signbit.
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

// The name of the set to use: `wanted`, or the fastest supported one where that is empty.
// Throws std::invalid_argument for a name that is unknown or not supported here.
std::string choose_isa(const std::string& wanted);

// The known instruction sets from `chosen` down. Kernels are searched in this order.
std::vector<std::string> isas_from(const std::string& chosen);

}  // namespace bnn
