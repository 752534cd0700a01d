// Diagnostic events. Off unless the host installs a sink; fixed names, numbers only, so that
// no key, destination, SURB or payload can ever be written.
#pragma once

#include <cstdint>

namespace mix::base {

class Log {
 public:
  virtual ~Log() = default;
  /// `event` is a literal such as "gateway.frame_rejected"; `value` a count or an Errc number.
  virtual void event(const char* event, std::int64_t value) = 0;
};

/// A sink that drops everything; the default of every constructor.
[[nodiscard]] Log& null_log();

}  // namespace mix::base
