#include "mix/localnet/ip.h"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>

namespace mix::localnet {

namespace {

std::optional<unsigned> parse_number(std::string_view text, unsigned max) {
  unsigned value = 0;
  const char* const begin = text.data();
  const char* const end = std::next(begin, static_cast<std::ptrdiff_t>(text.size()));
  const auto [rest, error] = std::from_chars(begin, end, value);
  if (error != std::errc{} || rest != end || text.empty() || value > max) return std::nullopt;
  return value;
}

std::optional<std::uint16_t> parse_port(std::string_view text) {
  const auto value = parse_number(text, 65535);
  if (!value) return std::nullopt;
  return static_cast<std::uint16_t>(*value);
}

}  // namespace

IpAddress IpAddress::v4(base::ByteView four) {
  IpAddress out{Family::kV4, {}};
  std::copy_n(four.begin(), 4, out.bytes.begin());
  return out;
}

IpAddress IpAddress::v6(base::ByteView sixteen) {
  IpAddress out{Family::kV6, {}};
  std::copy_n(sixteen.begin(), 16, out.bytes.begin());
  return out;
}

std::optional<IpAddress> IpAddress::parse(std::string_view text) {
  const std::string terminated{text};
  IpAddress out;
  if (inet_pton(AF_INET, terminated.c_str(), out.bytes.data()) == 1) return out;
  out = IpAddress{Family::kV6, {}};
  if (inet_pton(AF_INET6, terminated.c_str(), out.bytes.data()) == 1) return out;
  return std::nullopt;
}

std::string IpAddress::to_string() const {
  std::array<char, INET6_ADDRSTRLEN> text{};
  const int family_code = family == Family::kV4 ? AF_INET : AF_INET6;
  if (inet_ntop(family_code, bytes.data(), text.data(), text.size()) == nullptr) return {};
  return text.data();
}

base::ByteView IpAddress::view() const {
  return base::ByteView{bytes}.first(family == Family::kV4 ? 4 : 16);
}

bool IpAddress::is_loopback() const {
  if (family == Family::kV4) return bytes[0] == 127;
  static const IpAddress loopback = *IpAddress::parse("::1");
  return *this == loopback;
}

std::optional<IpEndpoint> IpEndpoint::parse(std::string_view text) {
  const auto parts = split_ports(text);
  if (!parts) return std::nullopt;
  std::string_view host = parts->pattern;
  const bool bracketed = host.size() >= 2 && host.front() == '[' && host.back() == ']';
  if (bracketed) host = host.substr(1, host.size() - 2);
  const auto address = IpAddress::parse(host);
  const auto port = parse_port(parts->ports);
  if (!address || !port || bracketed != (address->family == Family::kV6)) return std::nullopt;
  return IpEndpoint{*address, *port};
}

std::string IpEndpoint::to_string() const {
  const std::string host = address.to_string();
  return (address.family == Family::kV6 ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

std::optional<PortRange> PortRange::parse(std::string_view text) {
  if (text == "*") return PortRange{};
  const std::size_t dash = text.find('-');
  const auto first = parse_port(text.substr(0, dash));
  const auto last = dash == std::string_view::npos ? first : parse_port(text.substr(dash + 1));
  if (!first || !last || *first > *last) return std::nullopt;
  return PortRange{*first, *last};
}

std::optional<AddressPattern> AddressPattern::parse(std::string_view text) {
  if (text == "*") return AddressPattern{};
  if (text == "*4") return AddressPattern{std::nullopt, Family::kV4, 0};
  if (text == "*6") return AddressPattern{std::nullopt, Family::kV6, 0};

  // "[v6/bits]" is read as "[v6]/bits".
  std::string host{text};
  std::optional<std::string> bits;
  const bool bracketed = host.starts_with('[');
  const std::size_t close = host.find(']');
  if (bracketed && close == std::string::npos) return std::nullopt;
  const std::size_t slash = host.find('/');
  if (slash != std::string::npos) {
    if (bracketed && slash < close && close + 1 != host.size()) return std::nullopt;
    bits = host.substr(slash + 1);
    host.resize(slash);
    if (bracketed && slash < close) {
      bits->pop_back();
      host += ']';
    }
  }
  if (bracketed) {
    if (host.size() < 2 || host.back() != ']') return std::nullopt;
    host = host.substr(1, host.size() - 2);
  }
  const auto address = IpAddress::parse(host);
  if (!address || bracketed != (address->family == Family::kV6)) return std::nullopt;
  const unsigned width = address->family == Family::kV4 ? 32 : 128;
  unsigned prefix = width;
  if (bits) {
    const auto parsed = parse_number(*bits, width);
    if (!parsed) return std::nullopt;
    prefix = *parsed;
  }
  return AddressPattern{address, address->family, prefix};
}

bool AddressPattern::matches(const IpAddress& address) const {
  if (family && *family != address.family) return false;
  if (!network) return true;
  for (unsigned bit = 0; bit < prefix_bits; bit += 8) {
    const std::size_t at = bit / 8;
    const unsigned left = std::min(8U, prefix_bits - bit);
    const auto mask = static_cast<std::uint8_t>(0xffU << (8 - left));
    if (((network->bytes[at] ^ address.bytes[at]) & mask) != 0) return false;
  }
  return true;
}

std::optional<PatternAndPorts> split_ports(std::string_view text) {
  const std::size_t close = text.rfind(']');
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos || (close != std::string_view::npos && colon < close)) {
    return std::nullopt;
  }
  return PatternAndPorts{text.substr(0, colon), text.substr(colon + 1)};
}

}  // namespace mix::localnet
