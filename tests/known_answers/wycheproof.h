// The files of Project Wycheproof: groups of cases with the verdict that each deserves.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "pinned.h"

namespace mix::test {

[[nodiscard]] inline bool is_valid(const Json& vector) { return vector["result"] != "invalid"; }

[[nodiscard]] inline bool has_flag(const Json& vector, const std::string& flag) {
  return std::ranges::any_of(vector["flags"], [&](const Json& other) { return other == flag; });
}

/// Calls `check(group, case)` for every case of a file; returns their number.
template <class Check>
std::size_t for_each_case(const std::string& name, Check check) {
  const Json file = load_pinned("wycheproof", "src/data/" + name + "_test.json");
  std::size_t cases = 0;
  for (const Json& group : file["testGroups"]) {
    for (const Json& vector : group["tests"]) {
      SCOPED_TRACE(name + " " + vector["tcId"].dump() + " " + vector["comment"].dump());
      check(group, vector);
      ++cases;
    }
  }
  return cases;
}

}  // namespace mix::test
