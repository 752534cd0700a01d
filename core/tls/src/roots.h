// The compiled-in Mozilla roots: one block of DER and an index sorted by subject. The data is
// generated at build time by tools/gen-roots from Debian's ca-certificates.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "mix/base/bytes.h"

namespace mix::tls::detail {

struct RootEntry {
  std::uint32_t offset;          // of the certificate within the block
  std::uint32_t size;            // of the certificate
  std::uint16_t subject_offset;  // of the subject name within the certificate
  std::uint16_t subject_size;
};

/// Generated: ordered by subject, bytewise.
[[nodiscard]] std::span<const RootEntry> root_index();
/// Generated.
[[nodiscard]] base::ByteView root_block();

/// The certificate of an index entry.
[[nodiscard]] base::ByteView root_certificate(const RootEntry& entry);
/// All roots with exactly this DER-encoded subject.
[[nodiscard]] std::vector<base::ByteView> find_roots(base::ByteView subject);

}  // namespace mix::tls::detail
