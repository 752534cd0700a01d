#include "mix/base/log.h"

namespace mix::base {
namespace {

class NullLog final : public Log {
 public:
  void event(const char* /*event*/, std::int64_t /*value*/) override {}
};

}  // namespace

Log& null_log() {
  static NullLog log;
  return log;
}

}  // namespace mix::base
