#include "mix/sphinx/address.h"

#include <charconv>
#include <optional>

namespace mix::sphinx {

namespace {

constexpr std::uint8_t kKindIpv4 = 4;
constexpr std::uint8_t kKindIpv6 = 6;
constexpr std::size_t kGroups = 8;  // of an IPv6 address, 16 bits each

/// The value of a digit, lower or upper case; 16 and more for what is none.
unsigned digit_value(char c) {
  if (c >= '0' && c <= '9') return static_cast<unsigned>(c - '0');
  if (c >= 'a' && c <= 'f') return static_cast<unsigned>(c - 'a') + 10;
  if (c >= 'A' && c <= 'F') return static_cast<unsigned>(c - 'A') + 10;
  return 16;
}

/// The whole text as a number in `base` of at most `max_digits` digits, up to `max`.
std::optional<std::uint16_t> parse_number(std::string_view text, unsigned base,
                                          std::size_t max_digits, unsigned max) {
  if (text.empty() || text.size() > max_digits) return std::nullopt;
  unsigned value = 0;
  for (const char c : text) {
    const unsigned digit = digit_value(c);
    if (digit >= base) return std::nullopt;
    value = value * base + digit;
  }
  if (value > max) return std::nullopt;
  return static_cast<std::uint16_t>(value);
}

std::optional<Ipv4Octets> parse_ipv4(std::string_view text) {
  Ipv4Octets out;
  for (std::size_t i = 0; i < out.octets.size(); ++i) {
    const bool last = i + 1 == out.octets.size();
    const std::size_t dot = text.find('.');
    if (last != (dot == std::string_view::npos)) return std::nullopt;
    const std::string_view part = text.substr(0, dot);
    // A leading zero could mean octal elsewhere: refuse what is ambiguous.
    if (part.size() > 1 && part.front() == '0') return std::nullopt;
    const auto octet = parse_number(part, 10, 3, 255);
    if (!octet) return std::nullopt;
    out.octets[i] = static_cast<std::uint8_t>(*octet);
    if (!last) text.remove_prefix(dot + 1);
  }
  return out;
}

/// Groups separated by single colons, the last one possibly an IPv4 address; appends their bytes.
bool parse_groups(std::string_view text, bool ipv4_allowed, base::Writer& out) {
  while (!text.empty()) {
    const std::size_t colon = text.find(':');
    const std::string_view part = text.substr(0, colon);
    const bool last = colon == std::string_view::npos;
    if (const auto group = parse_number(part, 16, 4, 0xffff)) {
      out.u16be(*group);
    } else if (const auto ipv4 = last && ipv4_allowed ? parse_ipv4(part) : std::nullopt) {
      out.bytes(ipv4->octets);
    } else {
      return false;
    }
    if (last) return true;
    text.remove_prefix(colon + 1);
    if (text.empty()) return false;  // a colon at the end
  }
  return true;
}

/// RFC 4291 §2.2.
std::optional<Ipv6Octets> parse_ipv6(std::string_view text) {
  Ipv6Octets out;
  const std::size_t gap = text.find("::");
  base::Writer head;
  base::Writer tail;
  if (gap == std::string_view::npos) {
    if (!parse_groups(text, true, head) || head.size() != out.octets.size()) return std::nullopt;
  } else {
    if (!parse_groups(text.substr(0, gap), false, head) ||
        !parse_groups(text.substr(gap + 2), true, tail) ||
        head.size() + tail.size() + 2 > out.octets.size()) {
      return std::nullopt;
    }
  }
  for (std::size_t i = 0; i < head.size(); ++i) out.octets[i] = head.view()[i];
  for (std::size_t i = 0; i < tail.size(); ++i) {
    out.octets[out.octets.size() - tail.size() + i] = tail.view()[i];
  }
  return out;
}

std::string format(const Ipv4Octets& ip) {
  std::string out;
  for (const std::uint8_t octet : ip.octets) {
    if (!out.empty()) out += '.';
    out += std::to_string(octet);
  }
  return out;
}

/// RFC 5952: lower case, the longest run of zero groups (first of equals, at least two) as "::".
std::string format(const Ipv6Octets& ip) {
  std::array<unsigned, kGroups> groups{};
  for (std::size_t i = 0; i < kGroups; ++i) {
    groups[i] = static_cast<unsigned>(ip.octets[2 * i]) << 8 | ip.octets[2 * i + 1];
  }
  std::size_t run_start = kGroups;
  std::size_t run_size = 1;
  for (std::size_t i = 0; i < kGroups; ++i) {
    std::size_t size = 0;
    while (i + size < kGroups && groups[i + size] == 0) ++size;
    if (size > run_size) run_start = i, run_size = size;
  }
  std::string out;
  for (std::size_t i = 0; i < kGroups; ++i) {
    if (i == run_start) {
      out += "::";
      i += run_size - 1;
      continue;
    }
    if (!out.empty() && out.back() != ':') out += ':';
    std::array<char, 4> digits{};
    const auto end = std::to_chars(digits.begin(), digits.end(), groups[i], 16).ptr;
    out.append(digits.begin(), end);
  }
  return out;
}

}  // namespace

std::size_t NodeAddress::encoded_size() const {
  return std::holds_alternative<Ipv4Octets>(ip) ? kEncodedIpv4Size : kEncodedIpv6Size;
}

void NodeAddress::encode(base::Writer& out) const {
  if (const auto* ipv4 = std::get_if<Ipv4Octets>(&ip)) {
    out.u8(kKindIpv4).u16be(port).bytes(ipv4->octets);
  } else if (const auto* ipv6 = std::get_if<Ipv6Octets>(&ip)) {
    out.u8(kKindIpv6).u16be(port).bytes(ipv6->octets);
  }
}

void NodeAddress::encode_padded(base::Writer& out, std::size_t size) const {
  if (size < encoded_size()) base::panic("NodeAddress: field too small");
  encode(out);
  out.fill(size - encoded_size(), 0);
}

base::Result<NodeAddress> NodeAddress::decode(base::Reader& in) {
  // Works on a copy, so that the caller's reader moves only on success.
  base::Reader reader = in;
  NodeAddress out;
  const auto kind = reader.u8();
  const auto port = reader.u16be();
  if (!kind.has_value() || !port.has_value()) return base::Errc::sphinx_bad_address;
  out.port = *port;
  if (*kind == kKindIpv4) {
    const auto octets = reader.fixed<4>();
    if (!octets.has_value()) return base::Errc::sphinx_bad_address;
    out.ip = Ipv4Octets{*octets};
  } else if (*kind == kKindIpv6) {
    const auto octets = reader.fixed<16>();
    if (!octets.has_value()) return base::Errc::sphinx_bad_address;
    out.ip = Ipv6Octets{*octets};
  } else {
    return base::Errc::sphinx_bad_address;
  }
  in = reader;
  return out;
}

base::Result<NodeAddress> NodeAddress::decode_padded(base::ByteView field) {
  base::Reader reader{field};
  return decode(reader);
}

base::Result<NodeAddress> NodeAddress::parse(std::string_view ip, std::uint16_t port) {
  if (const auto ipv4 = parse_ipv4(ip)) return NodeAddress{*ipv4, port};
  if (const auto ipv6 = parse_ipv6(ip)) return NodeAddress{*ipv6, port};
  return base::Errc::sphinx_bad_address;
}

std::string NodeAddress::to_string() const {
  const std::string suffix = ":" + std::to_string(port);
  if (const auto* ipv4 = std::get_if<Ipv4Octets>(&ip)) return format(*ipv4) + suffix;
  return "[" + format(std::get<Ipv6Octets>(ip)) + "]" + suffix;
}

}  // namespace mix::sphinx
