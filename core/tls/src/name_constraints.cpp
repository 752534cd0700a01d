#include "name_constraints.h"

#include <mbedtls/asn1.h>

#include <algorithm>
#include <optional>
#include <string>

#include "constants.h"

namespace mix::tls::detail {
namespace {

using base::ByteView;

constexpr int kSequence = MBEDTLS_ASN1_SEQUENCE | MBEDTLS_ASN1_CONSTRUCTED;
constexpr int kPermitted = MBEDTLS_ASN1_CONTEXT_SPECIFIC | MBEDTLS_ASN1_CONSTRUCTED | 0;
constexpr int kExcluded = MBEDTLS_ASN1_CONTEXT_SPECIFIC | MBEDTLS_ASN1_CONSTRUCTED | 1;
constexpr std::uint8_t kNameConstraintsOid[] = {0x55, 0x1D, 0x1E};  // 2.5.29.30

struct Element {
  int tag;
  ByteView value;
};

/// The next DER element of a list, which is shortened by it.
std::optional<Element> next(ByteView& list) {
  if (list.empty()) return std::nullopt;
  // mbedTLS does not write, whatever the type says.
  auto* at = const_cast<unsigned char*>(list.data());
  const unsigned char* end = list.data() + list.size();
  const int tag = *at;
  std::size_t size = 0;
  if (mbedtls_asn1_get_tag(&at, end, &size, tag) != 0) return std::nullopt;
  const ByteView value{at, size};
  list = ByteView{at + size, static_cast<std::size_t>(end - (at + size))};
  return Element{tag, value};
}

/// The value of the certificate's extension; empty when it has none.
ByteView find_extension(const mbedtls_x509_crt& certificate) {
  ByteView outer{certificate.v3_ext.p, certificate.v3_ext.len};
  auto list = next(outer);
  if (!list) return {};
  while (auto extension = next(list->value)) {
    ByteView parts = extension->value;
    const auto oid = next(parts);
    if (!oid || !base::equal(oid->value, kNameConstraintsOid)) continue;
    // An optional BOOLEAN, then the value as OCTET STRING.
    std::optional<Element> last;
    while (auto part = next(parts)) last = part;
    return last ? last->value : ByteView{};
  }
  return {};
}

std::string lower(ByteView text) {
  std::string out{base::as_text(text)};
  std::ranges::transform(out, out.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  });
  return out;
}

}  // namespace

bool NameConstraints::add(const mbedtls_x509_crt& authority) {
  ByteView value = find_extension(authority);
  if (value.empty()) return true;
  Set set;
  const auto constraints = next(value);
  if (!constraints || constraints->tag != kSequence) return false;
  ByteView lists = constraints->value;
  while (const auto list = next(lists)) {
    if (list->tag != kPermitted && list->tag != kExcluded) return false;
    if (!read_subtrees(list->value, list->tag == kPermitted ? set.permitted : set.excluded)) {
      return false;
    }
  }
  if (!lists.empty()) return false;
  sets_.push_back(std::move(set));
  return true;
}

bool NameConstraints::read_subtrees(ByteView list, std::vector<Subtree>& out) {
  while (const auto subtree = next(list)) {
    ByteView parts = subtree->value;
    const auto name = next(parts);
    if (subtree->tag != kSequence || !name) return false;
    const int kind = name->tag & static_cast<int>(MBEDTLS_ASN1_TAG_VALUE_MASK);
    out.push_back({static_cast<std::uint8_t>(kind), base::to_bytes(name->value)});
  }
  return list.empty();
}

bool NameConstraints::allow(const mbedtls_x509_crt& leaf) const {
  for (const mbedtls_x509_sequence* name = &leaf.subject_alt_names; name != nullptr;
       name = name->next) {
    if (name->buf.p == nullptr) continue;
    const int kind = name->buf.tag & static_cast<int>(MBEDTLS_ASN1_TAG_VALUE_MASK);
    const ByteView value{name->buf.p, name->buf.len};
    if (!std::ranges::all_of(sets_, [&](const Set& set) {
          return allows(set, static_cast<std::uint8_t>(kind), value);
        })) {
      return false;
    }
  }
  return true;
}

bool NameConstraints::allows(const Set& set, std::uint8_t kind, ByteView name) {
  const auto covers = [&](const Subtree& subtree) {
    return subtree.kind == kind && within(subtree, name);
  };
  if (std::ranges::any_of(set.excluded, covers)) return false;
  const bool limited = std::ranges::any_of(
      set.permitted, [&](const Subtree& subtree) { return subtree.kind == kind; });
  return !limited || std::ranges::any_of(set.permitted, covers);
}

bool NameConstraints::within(const Subtree& subtree, ByteView name) {
  if (subtree.kind == kSanIpAddress) {
    // Address and mask of the same length.
    if (subtree.base.size() != name.size() * 2) return false;
    for (std::size_t i = 0; i < name.size(); ++i) {
      const std::uint8_t mask = subtree.base[name.size() + i];
      if ((name[i] & mask) != (subtree.base[i] & mask)) return false;
    }
    return true;
  }
  if (subtree.kind != kSanDnsName) return false;
  // The name itself or any name below it; a wildcard is below as its parent is.
  std::string host = lower(name), base = lower(subtree.base);
  if (base.starts_with('.')) base.erase(0, 1);
  if (base.empty() || host == base) return true;
  return host.size() > base.size() && host.ends_with(base) &&
         host[host.size() - base.size() - 1] == '.';
}

}  // namespace mix::tls::detail
