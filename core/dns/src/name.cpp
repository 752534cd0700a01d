#include "mix/dns/name.h"

#include <algorithm>

#include "mix/dns/constants.h"

namespace mix::dns {
namespace {

using base::Errc;
using base::Error;

constexpr std::uint8_t kPointerMark = 0xc0;  // RFC 1035 §4.1.4
constexpr std::uint8_t kCaseBit = 0x20;

bool is_letter(std::uint8_t c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool is_digit(std::uint8_t c) { return c >= '0' && c <= '9'; }
bool is_host_character(std::uint8_t c) {
  return is_letter(c) || is_digit(c) || c == '-' || c == '_';
}
std::uint8_t lower(std::uint8_t c) {
  return c >= 'A' && c <= 'Z' ? static_cast<std::uint8_t>(c | kCaseBit) : c;
}

// The labels of a name in wire form, which is known to be sound.
template <class Visit>
void for_each_label(base::ByteView wire, Visit&& visit) {
  std::size_t at = 0;
  while (wire[at] != 0) {
    visit(wire.subspan(at + 1, wire[at]));
    at += 1 + std::size_t{wire[at]};
  }
}

}  // namespace

base::Result<Name> Name::parse(std::string_view text) {
  const Error bad{Errc::dns_bad_name, 0, std::string(text)};
  if (text.ends_with('.')) text.remove_suffix(1);
  base::Writer wire;
  while (true) {
    const std::size_t dot = text.find('.');
    const base::ByteView label = base::as_bytes(text.substr(0, dot));
    if (label.empty() || label.size() > kMaxLabelSize) return bad;
    if (!std::all_of(label.begin(), label.end(), is_host_character)) return bad;
    wire.u8(static_cast<std::uint8_t>(label.size())).bytes(label);
    if (wire.size() + 1 > kMaxNameSize) return bad;
    if (dot == std::string_view::npos) break;
    text.remove_prefix(dot + 1);
  }
  return Name{wire.u8(0).take()};
}

Name Name::reverse_of(const net::IpAddress& address) {
  std::string text;
  if (const auto* v4 = std::get_if<net::Ipv4>(&address)) {
    for (std::size_t i = v4->octets.size(); i-- > 0;) {
      text.append(std::to_string(v4->octets[i])).push_back('.');
    }
    text += "in-addr.arpa";
  } else {
    constexpr std::string_view kHex = "0123456789abcdef";
    const auto& octets = std::get<net::Ipv6>(address).octets;
    for (std::size_t i = octets.size(); i-- > 0;) {
      for (const int nibble : {octets[i] & 0x0f, octets[i] >> 4}) {
        text.append(1, kHex[static_cast<std::size_t>(nibble)]).push_back('.');
      }
    }
    text += "ip6.arpa";
  }
  return parse(text).value();
}

std::size_t Name::num_labels() const {
  std::size_t count = 0;
  for_each_label(wire_, [&](base::ByteView) { ++count; });
  return count;
}

std::string Name::label_from_right(std::size_t index) const {
  const std::size_t count = num_labels();
  std::string out;
  std::size_t position = 0;
  for_each_label(wire_, [&](base::ByteView label) {
    if (count - 1 - position++ != index) return;
    for (const std::uint8_t c : label) out += static_cast<char>(lower(c));
  });
  return out;
}

std::string Name::text() const {
  std::string out;
  for_each_label(wire_, [&](base::ByteView label) {
    if (!out.empty()) out += '.';
    for (const std::uint8_t c : label) {
      if (is_host_character(c)) {
        out += static_cast<char>(c);
      } else {
        const std::string digits = std::to_string(c);
        out += '\\' + std::string(3 - digits.size(), '0') + digits;
      }
    }
  });
  return out;
}

// Length bytes are at most 63 and so never look like letters.
base::Bytes Name::key() const {
  base::Bytes out = wire_;
  std::transform(out.begin(), out.end(), out.begin(), lower);
  return out;
}

Name Name::with_random_case(base::Rng& rng) const {
  Name out = *this;
  base::Bytes coins(wire_.size());
  rng.fill(coins);
  for (std::size_t i = 0; i < wire_.size(); ++i) {
    if (is_letter(wire_[i])) {
      out.wire_[i] = static_cast<std::uint8_t>(lower(wire_[i]) & ~(coins[i] & kCaseBit));
    }
  }
  return out;
}

base::Result<ReadName> read_name(base::ByteView message, std::size_t at) {
  base::Writer wire;
  std::size_t segment = at;  // pointers must lead before it, so that no chain of them is endless
  std::size_t next = 0;
  while (true) {
    if (at >= message.size()) return Errc::dns_malformed;
    base::Reader reader(message.subspan(at));
    const std::uint8_t size = reader.u8().value_or(0);
    if ((size & kPointerMark) == kPointerMark) {
      const auto low = reader.u8();
      if (!low) return Errc::dns_malformed;
      const std::size_t target = (size & ~kPointerMark & 0xffu) << 8 | *low;
      if (target >= segment) return Errc::dns_malformed;
      if (next == 0) next = at + 2;
      at = segment = target;
      continue;
    }
    if (size > kMaxLabelSize) return Errc::dns_malformed;
    const auto label = reader.bytes(size);
    if (!label || wire.size() + 1 + size > kMaxNameSize) return Errc::dns_malformed;
    wire.u8(size).bytes(*label);
    at += 1 + std::size_t{size};
    if (size == 0) break;
  }
  if (next == 0) next = at;
  return ReadName{Name{wire.take()}, next};
}

}  // namespace mix::dns
