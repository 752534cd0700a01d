// Semantic versions (semver.org 2.0.0), as nodes announce them. spec: ipr §1
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "mix/base/result.h"

namespace mix::directory {

struct Version {
  std::uint64_t major = 0, minor = 0, patch = 0;
  /// Identifiers of a pre-release ("rc", "1"); empty for a release.
  std::vector<std::string> pre_release = {};

  /// Three numbers without leading zeros, then optionally `-pre.release` and `+build`; the build is
  /// dropped. Errors: `directory_malformed`.
  [[nodiscard]] static base::Result<Version> parse(std::string_view text);

  friend bool operator==(const Version&, const Version&) = default;
  /// Precedence: a pre-release comes before its release.
  friend bool operator<(const Version& a, const Version& b);
  friend bool operator>=(const Version& a, const Version& b) { return !(a < b); }
};

/// First node versions whose IP packet router speaks protocol 9 and 10. spec: ipr §1
inline const Version kFirstWithIprV9{1, 30, 0};
inline const Version kFirstWithIprV10{1, 37, 0};

}  // namespace mix::directory
