#pragma once

namespace bnn {

// Calls work(argument). Where that would end this thread by pthread_exit, the thread waits for the
// end of the process instead, and no frame of the caller is unwound.
void call_without_end(void (*work)(void*), void* argument);

}  // namespace bnn
