// The directory's answers, JSON to values. spec: topology §3
//
// One entry of a list that is malformed or unusable is left out and counted; a malformed frame
// around the list is an error. Unknown fields are ignored.
#pragma once

#include <cstddef>
#include <string_view>
#include <vector>

#include "mix/base/bytes.h"
#include "mix/directory/topology.h"

namespace mix::directory {

/// What one page tells about the whole list.
struct Paging {
  std::size_t total = 0;    // entries of the list
  std::size_t on_page = 0;  // entries of this page, the unusable ones included
  std::size_t skipped = 0;  // of these: left out
};

/// `v2/unstable/nym-nodes/skimmed/...`
struct SkimmedPage {
  EpochMetadata metadata;
  Paging paging;
  std::vector<Node> nodes;
};

/// A described node with an IP packet router.
struct DescribedExit {
  crypto::Ed25519PublicKey identity;
  std::string ipr_address;
  crypto::Ed25519PublicKey ipr_gateway;
  std::string build_version;
};

/// `v2/nym-nodes/described`. Nodes without an IP packet router are no fault and not `skipped`.
struct DescribedPage {
  Paging paging;
  std::vector<DescribedExit> exits;
};

/// Each: Errors: `directory_malformed` (no JSON of the expected shape, more than `kMaxAnswerSize`).
[[nodiscard]] base::Result<SkimmedPage> parse_skimmed(base::ByteView body);
[[nodiscard]] base::Result<DescribedPage> parse_described(base::ByteView body);
[[nodiscard]] base::Result<RewardedSet> parse_rewarded_set(base::ByteView body);
[[nodiscard]] base::Result<KeyRotationInfo> parse_rotation_info(base::ByteView body);

/// "0.99" is 99; rounded to whole percent. Errors: `directory_malformed` (not a decimal 0..1).
[[nodiscard]] base::Result<std::uint8_t> parse_performance(std::string_view decimal);
/// RFC 3339 date and time with zone; fractions of a second are cut to milliseconds.
/// Errors: `directory_malformed`.
[[nodiscard]] base::Result<base::WallTime> parse_rfc3339(std::string_view text);
/// True for an IPv4 dotted quad or an IPv6 literal (no zone, no brackets).
[[nodiscard]] bool is_ip_literal(std::string_view text);

}  // namespace mix::directory
