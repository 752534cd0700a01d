// Text forms of addresses: RFC 791 dotted quads, RFC 4291 §2.2 and RFC 5952 for IPv6.
#include "mix/net/address.h"

#include <algorithm>
#include <optional>
#include <span>

namespace mix::net {
namespace {

using base::Errc;
using base::Error;

constexpr std::size_t kGroups = 8;          // 16-bit groups of an IPv6 address
constexpr std::size_t kMaxGroupDigits = 4;  // hexadecimal
constexpr std::size_t kMaxOctetDigits = 3;  // decimal
constexpr std::uint32_t kMaxOctet = 255;
constexpr std::uint32_t kMaxPort = 65535;
constexpr std::size_t kMaxPortDigits = 5;

Error bad_address(std::string_view text) {
  return Error{Errc::net_bad_address, 0, std::string(text)};
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }

std::optional<std::uint32_t> hex_value(char c) {
  if (is_digit(c)) return static_cast<std::uint32_t>(c - '0');
  if (c >= 'a' && c <= 'f') return static_cast<std::uint32_t>(c - 'a' + 10);
  if (c >= 'A' && c <= 'F') return static_cast<std::uint32_t>(c - 'A' + 10);
  return std::nullopt;
}

// A decimal number without sign or leading zero: "010" means 8 to some and 10 to others.
std::optional<std::uint32_t> parse_decimal(std::string_view text, std::size_t max_digits,
                                           std::uint32_t max) {
  if (text.empty() || text.size() > max_digits) return std::nullopt;
  if (text.size() > 1 && text.front() == '0') return std::nullopt;
  std::uint32_t value = 0;
  for (const char c : text) {
    if (!is_digit(c)) return std::nullopt;
    value = value * 10 + static_cast<std::uint32_t>(c - '0');
  }
  if (value > max) return std::nullopt;
  return value;
}

std::optional<Ipv4> parse_v4(std::string_view text) {
  Ipv4 out;
  for (std::size_t i = 0; i < out.octets.size(); ++i) {
    const bool is_last = i + 1 == out.octets.size();
    const std::size_t dot = is_last ? text.size() : text.find('.');
    if (dot == std::string_view::npos) return std::nullopt;
    const auto octet = parse_decimal(text.substr(0, dot), kMaxOctetDigits, kMaxOctet);
    if (!octet) return std::nullopt;
    out.octets[i] = static_cast<std::uint8_t>(*octet);
    if (!is_last) text.remove_prefix(dot + 1);
  }
  return out;
}

std::optional<std::uint16_t> parse_group(std::string_view text) {
  if (text.empty() || text.size() > kMaxGroupDigits) return std::nullopt;
  std::uint32_t value = 0;
  for (const char c : text) {
    const auto digit = hex_value(c);
    if (!digit) return std::nullopt;
    value = value * 16 + *digit;
  }
  return static_cast<std::uint16_t>(value);
}

struct Groups {
  std::array<std::uint16_t, kGroups> values{};
  std::size_t count = 0;
};

// Groups between colons, the last of which may be a dotted quad (two groups).
std::optional<Groups> parse_groups(std::string_view text) {
  Groups out;
  if (text.empty()) return out;
  while (true) {
    const std::size_t colon = text.find(':');
    const std::string_view part = text.substr(0, colon);
    if (colon == std::string_view::npos && part.find('.') != std::string_view::npos) {
      const auto quad = parse_v4(part);
      if (!quad || out.count + 2 > kGroups) return std::nullopt;
      for (std::size_t i = 0; i < quad->octets.size(); i += 2) {
        out.values[out.count++] =
            static_cast<std::uint16_t>((quad->octets[i] << 8) | quad->octets[i + 1]);
      }
      return out;
    }
    const auto group = parse_group(part);
    if (!group || out.count == kGroups) return std::nullopt;
    out.values[out.count++] = *group;
    if (colon == std::string_view::npos) return out;
    text.remove_prefix(colon + 1);
  }
}

std::optional<Ipv6> parse_v6(std::string_view text) {
  std::array<std::uint16_t, kGroups> all{};
  const std::size_t gap = text.find("::");
  if (gap == std::string_view::npos) {
    const auto groups = parse_groups(text);
    if (!groups || groups->count != kGroups) return std::nullopt;
    all = groups->values;
  } else {
    const std::string_view head_text = text.substr(0, gap);
    // A dotted quad may only end the whole address.
    if (head_text.find('.') != std::string_view::npos) return std::nullopt;
    const auto head = parse_groups(head_text);
    const auto tail = parse_groups(text.substr(gap + 2));
    // "::" stands for at least one group.
    if (!head || !tail || head->count + tail->count >= kGroups) return std::nullopt;
    std::copy_n(head->values.begin(), head->count, all.begin());
    std::copy_n(tail->values.begin(), tail->count,
                all.end() - static_cast<std::ptrdiff_t>(tail->count));
  }
  Ipv6 out;
  for (std::size_t i = 0; i < kGroups; ++i) {
    out.octets[2 * i] = static_cast<std::uint8_t>(all[i] >> 8);
    out.octets[2 * i + 1] = static_cast<std::uint8_t>(all[i] & 0xff);
  }
  return out;
}

std::string v4_text(std::span<const std::uint8_t, 4> octets) {
  std::string out;
  for (const std::uint8_t octet : octets) {
    if (!out.empty()) out += '.';
    out += std::to_string(octet);
  }
  return out;
}

std::string group_text(std::uint16_t value) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string out;
  for (int shift = 12; shift >= 0; shift -= 4) {
    const auto digit = static_cast<std::size_t>((value >> shift) & 0xf);
    if (digit != 0 || !out.empty() || shift == 0) out += kDigits[digit];
  }
  return out;
}

struct Run {
  std::size_t begin = 0;
  std::size_t size = 0;
};

// RFC 5952 §4.2: the longest run of two or more zero groups, the first of equals.
Run longest_zero_run(const std::array<std::uint16_t, kGroups>& groups) {
  Run best;
  std::size_t i = 0;
  while (i < kGroups) {
    Run run{i, 0};
    while (i < kGroups && groups[i] == 0) {
      ++i;
      ++run.size;
    }
    if (run.size > best.size) best = run;
    if (run.size == 0) ++i;
  }
  return best.size >= 2 ? best : Run{};
}

std::string v6_text(const Ipv6& address) {
  std::array<std::uint16_t, kGroups> groups{};
  for (std::size_t i = 0; i < kGroups; ++i) {
    groups[i] =
        static_cast<std::uint16_t>((address.octets[2 * i] << 8) | address.octets[2 * i + 1]);
  }
  // RFC 5952 §5: IPv4-mapped addresses keep their dotted quad.
  const bool is_mapped =
      std::all_of(groups.begin(), groups.begin() + 5, [](auto g) { return g == 0; }) &&
      groups[5] == 0xffff;
  if (is_mapped) return "::ffff:" + v4_text(std::span(address.octets).last<4>());

  const Run zeros = longest_zero_run(groups);
  std::string out;
  std::size_t i = 0;
  while (i < kGroups) {
    if (zeros.size != 0 && i == zeros.begin) {
      out += "::";
      i += zeros.size;
      continue;
    }
    if (!out.empty() && out.back() != ':') out += ':';
    out += group_text(groups[i++]);
  }
  return out;
}

}  // namespace

base::Result<IpAddress> parse_ip(std::string_view text) {
  if (const auto v4 = parse_v4(text)) return IpAddress{*v4};
  if (const auto v6 = parse_v6(text)) return IpAddress{*v6};
  return bad_address(text);
}

std::string to_string(const IpAddress& address) {
  if (const auto* v4 = std::get_if<Ipv4>(&address)) return v4_text(v4->octets);
  return v6_text(std::get<Ipv6>(address));
}

base::Result<Endpoint> parse_endpoint(std::string_view text, std::uint16_t default_port) {
  std::string_view host = text;
  std::optional<std::string_view> port_text;
  if (text.starts_with('[')) {
    const std::size_t close = text.find(']');
    if (close == std::string_view::npos) return bad_address(text);
    host = text.substr(1, close - 1);
    const std::string_view after = text.substr(close + 1);
    if (!after.empty() && after.front() != ':') return bad_address(text);
    if (!after.empty()) port_text = after.substr(1);
    if (!parse_v6(host)) return bad_address(text);
  } else if (const std::size_t colon = text.find(':');
             colon != std::string_view::npos &&
             text.find(':', colon + 1) == std::string_view::npos) {
    // One colon only: more make it an IPv6 address without port.
    host = text.substr(0, colon);
    port_text = text.substr(colon + 1);
  }
  auto address = parse_ip(host);
  if (!address) return bad_address(text);
  std::uint32_t port = default_port;
  if (port_text) {
    const auto parsed = parse_decimal(*port_text, kMaxPortDigits, kMaxPort);
    if (!parsed) return bad_address(text);
    port = *parsed;
  }
  if (port == 0) return bad_address(text);
  return Endpoint{*address, static_cast<std::uint16_t>(port)};
}

std::string to_string(const Endpoint& endpoint) {
  const std::string host = to_string(endpoint.address);
  const std::string port = std::to_string(endpoint.port);
  if (std::holds_alternative<Ipv6>(endpoint.address)) return "[" + host + "]:" + port;
  return host + ":" + port;
}

}  // namespace mix::net
