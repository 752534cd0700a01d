// Remembers the replay tags of packets, so that a packet is processed once. Bounded: two
// generations of tags, the older one is forgotten when the newer one is full.
// spec: gateway §10.4, sphinx §9 step 4.
#pragma once

#include <cstddef>
#include <cstdint>
#include <unordered_set>

#include "mix/sphinx/packet.h"

namespace mix::localnet {

/// Tags of one key. A tag is remembered by its first 8 bytes: they are pseudorandom (an HKDF's
/// output), so a false positive has a chance of about 1e-13 per packet at full size.
class ReplayFilter {
 public:
  /// At least `capacity` and at most twice as many tags are remembered.
  explicit ReplayFilter(std::size_t capacity = kDefaultCapacity) : capacity_(capacity) {}

  enum class Seen : std::uint8_t { kFirstTime, kBefore };
  /// Checks a tag and remembers it.
  [[nodiscard]] Seen insert(const sphinx::ReplayTag& tag);
  [[nodiscard]] std::size_t size() const { return current_.size() + previous_.size(); }

 private:
  /// Some 20 minutes at the localnet's highest rates, about 20 MB when full.
  static constexpr std::size_t kDefaultCapacity = std::size_t{1} << 19;

  std::size_t capacity_;
  std::unordered_set<std::uint64_t> current_, previous_;
};

}  // namespace mix::localnet
