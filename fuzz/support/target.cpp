// The list of all targets that are linked in.
#include "support/target.h"

namespace mix::fuzz {

std::vector<Target>& targets() {
  static std::vector<Target> all;
  return all;
}

bool add(std::string_view name, Function run) {
  targets().push_back({name, run});
  return true;
}

}  // namespace mix::fuzz
