#include "roots.h"

#include <algorithm>

namespace mix::tls::detail {

namespace {

base::ByteView subject_of(const RootEntry& entry) {
  return root_certificate(entry).subspan(entry.subject_offset, entry.subject_size);
}

bool before(base::ByteView a, base::ByteView b) {
  return std::lexicographical_compare(a.begin(), a.end(), b.begin(), b.end());
}

}  // namespace

base::ByteView root_certificate(const RootEntry& entry) {
  return root_block().subspan(entry.offset, entry.size);
}

std::vector<base::ByteView> find_roots(base::ByteView subject) {
  const auto index = root_index();
  auto it = std::lower_bound(
      index.begin(), index.end(), subject,
      [](const RootEntry& entry, base::ByteView name) { return before(subject_of(entry), name); });
  std::vector<base::ByteView> found;
  for (; it != index.end() && base::equal(subject_of(*it), subject); ++it) {
    found.push_back(root_certificate(*it));
  }
  return found;
}

}  // namespace mix::tls::detail
