// Kernels by operation and instruction set. Each kernel file registers its own maker.
#pragma once

#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "cpu.h"

namespace bnn {

// From a spec to a kernel. An instruction set may have several makers for different shapes. A maker
// returns nullptr for a shape that it cannot handle.
template <typename Kernel, typename Spec>
class KernelTable {
public:
    using Maker = std::unique_ptr<Kernel> (*)(const Spec&);

    static bool add(const char* isa, Maker maker) {
        makers()[isa].push_back(maker);
        return true;
    }

    // The kernel of the fastest instruction set from `isa` down that can handle the shape.
    static std::unique_ptr<Kernel> make(const std::string& isa, const Spec& spec) {
        for (const std::string& name : isas_from(isa)) {
            const auto found = makers().find(name);
            if (found == makers().end()) continue;
            for (const Maker maker : found->second)
                if (auto kernel = maker(spec)) return kernel;
        }
        throw std::logic_error("no kernel takes this shape, not even the scalar one");
    }

    // All kernels of exactly this instruction set that can handle the shape. Tests compare them.
    static std::vector<std::unique_ptr<Kernel>> all_of(const std::string& isa, const Spec& spec) {
        std::vector<std::unique_ptr<Kernel>> kernels;
        for (const Maker maker : makers()[isa])
            if (auto kernel = maker(spec)) kernels.push_back(std::move(kernel));
        return kernels;
    }

private:
    static std::map<std::string, std::vector<Maker>>& makers() {
        static std::map<std::string, std::vector<Maker>> table;
        return table;
    }
};

}  // namespace bnn
