#include "engine/step.h"

#include <map>
#include <stdexcept>

namespace bnn {
namespace {

std::map<std::string, MakeStep>& makers() {
    static std::map<std::string, MakeStep> table;
    return table;
}

}  // namespace

bool add_step(const char* op, MakeStep make) {
    makers()[op] = make;
    return true;
}

std::unique_ptr<Step> make_step(const StepContext& context) {
    const auto found = makers().find(context.node.op);
    if (found == makers().end())
        throw std::invalid_argument("the engine has no operation '" + context.node.op + "'");
    return found->second(context);
}

std::vector<std::string> operation_names() {
    std::vector<std::string> names;
    for (const auto& [name, make] : makers()) names.push_back(name);
    return names;
}

}  // namespace bnn
