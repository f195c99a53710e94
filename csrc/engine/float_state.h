// How this thread rounds, and how it treats tiny numbers.
#pragma once

#include <cfenv>

namespace bnn {

// While it lives, numbers round to the nearest and denormal numbers are kept. Scores must not depend
// on what a caller has set for a thread, such as torch.set_flush_denormal, or on what threads that
// the caller started have inherited.
class DefaultFloatState {
public:
    DefaultFloatState() {
        std::fegetenv(&before_);
        std::fesetenv(FE_DFL_ENV);
    }
    ~DefaultFloatState() { std::fesetenv(&before_); }
    DefaultFloatState(const DefaultFloatState&) = delete;
    DefaultFloatState& operator=(const DefaultFloatState&) = delete;

private:
    std::fenv_t before_;
};

}  // namespace bnn
