// How a padded message becomes fragments: headers, identifiers and the arithmetic of sets.
// Up to 255 fragments form a set; sets of one message are linked by their outer fragments.
// spec: messages §5.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "mix/base/bytes.h"
#include "mix/base/rng.h"
#include "mix/mixnet/constants.h"

namespace mix::mixnet {

/// Names a fragment set: 1 .. 2^31 - 1, random, new for every set.
struct SetId {
  std::uint32_t value = 0;

  friend bool operator==(const SetId&, const SetId&) = default;
  friend bool operator<(const SetId& a, const SetId& b) { return a.value < b.value; }

  [[nodiscard]] static SetId generate(base::Rng& rng);
};

/// Names a fragment in acknowledgements; all zero names cover.
struct FragmentId {
  SetId set;
  std::uint8_t index = 0;

  friend bool operator==(const FragmentId&, const FragmentId&) = default;
  friend bool operator<(const FragmentId& a, const FragmentId& b) {
    return a.set == b.set ? a.index < b.index : a.set < b.set;
  }

  [[nodiscard]] bool is_cover() const { return set.value == 0 && index == 0; }
  [[nodiscard]] std::array<std::uint8_t, kFragmentIdSize> encode() const;
  /// Errors: `mixnet_bad_ack` (set id with its top bit set), `base_truncated`.
  [[nodiscard]] static base::Result<FragmentId> decode(base::Reader& in);
};

/// The neighbouring set of the same message.
struct SetLink {
  enum class Kind : std::uint8_t { kPrevious, kNext } kind;
  SetId set;

  friend bool operator==(const SetLink&, const SetLink&) = default;
};

struct FragmentHeader {
  SetId set;
  std::uint8_t total = 0;  // fragments of the set, 1..255
  std::uint8_t index = 0;  // 1..total
  std::optional<SetLink> link;

  friend bool operator==(const FragmentHeader&, const FragmentHeader&) = default;

  [[nodiscard]] FragmentId id() const { return {set, index}; }
  /// 7 bytes, or 10 with a link.
  [[nodiscard]] std::size_t size() const;
  void encode(base::Writer& out) const;
  /// Errors: `mixnet_bad_fragment`, `base_truncated`.
  [[nodiscard]] static base::Result<FragmentHeader> decode(base::Reader& in);
};

/// A fragment read from its bytes; the payload points into them.
struct FragmentView {
  FragmentHeader header;
  base::ByteView payload;

  /// Errors: `mixnet_bad_fragment`, `base_truncated`.
  [[nodiscard]] static base::Result<FragmentView> decode(base::ByteView bytes);
};

/// What a length becomes when cut.
struct SplitPlan {
  std::size_t sets = 0;
  std::size_t fragments = 0;  // over all sets
  std::size_t room = 0;       // bytes free in the last fragment
};
/// `size` bytes (marker included) in fragments of `fragment_size` bytes.
[[nodiscard]] SplitPlan plan_split(std::size_t size, std::size_t fragment_size);

/// A fragment as it is sent: header and payload.
struct Fragment {
  FragmentId id;
  base::Bytes bytes;
};
/// Cuts a message. `set_ids` holds one id per set, in order; panics on another number.
[[nodiscard]] std::vector<Fragment> split(base::ByteView message, std::size_t fragment_size,
                                          std::span<const SetId> set_ids);
/// The same with fresh set ids.
[[nodiscard]] std::vector<Fragment> split(base::ByteView message, std::size_t fragment_size,
                                          base::Rng& rng);

}  // namespace mix::mixnet
