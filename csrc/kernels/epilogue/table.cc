#include <map>
#include <stdexcept>

#include "kernels/epilogue/contract.h"

namespace bnn {
namespace {

std::map<std::string, Epilogue>& epilogues() {
    static std::map<std::string, Epilogue> table;
    return table;
}

}  // namespace

bool add_epilogue(const char* isa, Epilogue epilogue) {
    epilogues()[isa] = epilogue;
    return true;
}

Epilogue epilogue_for(const std::string& isa) {
    for (const std::string& name : isas_from(isa)) {
        const auto found = epilogues().find(name);
        if (found != epilogues().end()) return found->second;
    }
    throw std::logic_error("no epilogue, not even a scalar one");
}

}  // namespace bnn
