#include "name_constraints.h"

#include <mbedtls/asn1.h>

#include <algorithm>
#include <optional>
#include <string>

#include "certificate.h"
#include "constants.h"

namespace mix::tls::detail {
namespace {

using base::ByteView;

constexpr int kSequence = MBEDTLS_ASN1_SEQUENCE | MBEDTLS_ASN1_CONSTRUCTED;
constexpr int kPermitted = MBEDTLS_ASN1_CONTEXT_SPECIFIC | MBEDTLS_ASN1_CONSTRUCTED | 0;
constexpr int kExcluded = MBEDTLS_ASN1_CONTEXT_SPECIFIC | MBEDTLS_ASN1_CONSTRUCTED | 1;
std::string lower(ByteView text) {
  std::string out{base::as_text(text)};
  std::ranges::transform(out, out.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  });
  return out;
}

/// The name itself or any name below it. A leading dot, which is not foreseen, means the same.
bool dns_within(std::string_view base, std::string_view host) {
  if (base.starts_with('.')) base.remove_prefix(1);
  if (base.empty() || host == base) return true;
  return host.size() > base.size() && host.ends_with(base) &&
         host[host.size() - base.size() - 1] == '.';
}

/// Address and mask of the same length. spec: RFC 5280 §4.2.1.10
bool address_within(ByteView base, ByteView address) {
  if (base.size() != address.size() * 2) return false;
  for (std::size_t i = 0; i < address.size(); ++i) {
    const std::uint8_t mask = base[address.size() + i];
    if ((address[i] & mask) != (base[i] & mask)) return false;
  }
  return true;
}

/// The mask of an address is ones, then zeros.
bool is_network(ByteView base) {
  constexpr std::size_t kV4 = 8, kV6 = 32;
  if (base.size() != kV4 && base.size() != kV6) return false;
  bool ended = false;
  for (const std::uint8_t byte : base.subspan(base.size() / 2)) {
    for (int bit = 7; bit >= 0; --bit) {
      const bool one = ((byte >> bit) & 1) != 0;
      if (one && ended) return false;
      ended |= !one;
    }
  }
  return true;
}

/// The relative names of the base come first, byte by byte. The value of a directory name is a
/// SEQUENCE of them, in a GeneralName within a tag of its own.
bool directory_within(ByteView base, ByteView name) {
  auto base_names = next(base), names = next(name);
  if (!base_names || !names) return false;
  while (const auto wanted = next(base_names->value)) {
    const auto found = next(names->value);
    if (!found || !base::equal(found->value, wanted->value)) return false;
  }
  return true;
}

bool is_compared(int kind) {
  return kind == kSanDnsName || kind == kSanIpAddress || kind == kSanDirectoryName;
}

/// Whether a subtree's base can be understood.
bool is_base(int kind, ByteView base) {
  if (kind == kSanIpAddress) return is_network(base);
  return kind != kSanDnsName || base::as_text(base).find('*') == std::string_view::npos;
}

bool within(int kind, ByteView base, ByteView name) {
  if (kind == kSanIpAddress) return address_within(base, name);
  if (kind == kSanDirectoryName) return directory_within(base, name);
  return dns_within(lower(base), lower(name));
}

/// Some name that is meant lies within: a wildcard stands for many.
bool touches(int kind, ByteView base, ByteView name) {
  if (within(kind, base, name)) return true;
  const std::string pattern = lower(name);
  if (kind != kSanDnsName || !pattern.starts_with("*.")) return false;
  return dns_within(std::string_view{pattern}.substr(2), lower(base));
}

}  // namespace

bool NameConstraints::add(const mbedtls_x509_crt& authority, AnchorKind anchor) {
  const auto extension = find_extension(authority, kNameConstraints);
  if (!extension) return true;
  ByteView value = extension->value;
  Set set;
  const auto constraints = next(value);
  if (!constraints || constraints->tag != kSequence || constraints->value.empty()) return false;
  ByteView lists = constraints->value;
  while (const auto list = next(lists)) {
    if (list->tag != kPermitted && list->tag != kExcluded) return false;
    if (list->value.empty()) return false;
    auto& subtrees = list->tag == kPermitted ? set.permitted : set.excluded;
    if (!read_subtrees(list->value, anchor, subtrees)) return false;
  }
  if (!lists.empty() || !value.empty()) return false;
  sets_.push_back(std::move(set));
  return true;
}

bool NameConstraints::read_subtrees(ByteView list, AnchorKind anchor, std::vector<Subtree>& out) {
  while (const auto subtree = next(list)) {
    ByteView parts = subtree->value;
    const auto name = next(parts);
    // minimum and maximum are not used. spec: RFC 5280 §4.2.1.10
    if (subtree->tag != kSequence || !name || !parts.empty()) return false;
    const int kind = name->tag & static_cast<int>(MBEDTLS_ASN1_TAG_VALUE_MASK);
    if (!is_base(kind, name->value)) return false;
    const bool dotted = kind == kSanDnsName && base::as_text(name->value).starts_with('.');
    if (dotted && anchor == AnchorKind::kPublic) return false;
    out.push_back({static_cast<std::uint8_t>(kind), base::to_bytes(name->value)});
  }
  return list.empty();
}

bool NameConstraints::allow(const mbedtls_x509_crt& certificate) {
  if (sets_.empty()) return true;
  const auto& subject = certificate.subject_raw;
  const bool has_subject = certificate.subject.oid.p != nullptr;
  if (has_subject && !allow_name(kSanDirectoryName, {subject.p, subject.len})) return false;
  // Read here, since mbedTLS leaves kinds out that it does not know.
  const auto extension = find_extension(certificate, kSubjectAltName);
  if (!extension) return true;
  ByteView value = extension->value;
  auto names = next(value);
  if (!names) return false;
  while (const auto name = next(names->value)) {
    const int kind = name->tag & static_cast<int>(MBEDTLS_ASN1_TAG_VALUE_MASK);
    if (!allow_name(static_cast<std::uint8_t>(kind), name->value)) return false;
  }
  return names->value.empty();
}

bool NameConstraints::allow_name(std::uint8_t kind, ByteView name) {
  for (const Set& set : sets_) comparisons_ += set.permitted.size() + set.excluded.size();
  if (comparisons_ > kMaxNameComparisons) return false;
  return std::ranges::all_of(sets_, [&](const Set& set) { return allows(set, kind, name); });
}

bool NameConstraints::allows(const Set& set, std::uint8_t kind, ByteView name) {
  const auto same_kind = [kind](const Subtree& subtree) { return subtree.kind == kind; };
  const bool excluded = std::ranges::any_of(set.excluded, [&](const Subtree& subtree) {
    return same_kind(subtree) && (!is_compared(kind) || touches(kind, subtree.base, name));
  });
  if (excluded) return false;
  const bool limited = std::ranges::any_of(set.permitted, same_kind);
  return !limited || std::ranges::any_of(set.permitted, [&](const Subtree& subtree) {
    return same_kind(subtree) && is_compared(kind) && within(kind, subtree.base, name);
  });
}

}  // namespace mix::tls::detail
