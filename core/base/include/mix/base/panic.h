// What happens when an invariant is broken: the program stops at once.
#pragma once

namespace mix::base {

/// Ends the process (in wasm: traps, which the host reports as WORKER_CRASHED).
/// `what` must be a literal: it may reach a log and never contains user data.
[[noreturn]] void panic(const char* what);

}  // namespace mix::base
