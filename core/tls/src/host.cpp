#include "host.h"

#include <algorithm>

#include "constants.h"
#include "mix/net/address.h"

namespace mix::tls::detail {

namespace {

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool is_label_char(char c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
}

bool is_label(std::string_view label) {
  return !label.empty() && label.size() <= kMaxLabelSize &&
         std::all_of(label.begin(), label.end(), is_label_char);
}

bool is_name(std::string_view name) {
  if (name.empty() || name.size() > kMaxHostSize) return false;
  while (true) {
    const std::size_t dot = name.find('.');
    if (!is_label(name.substr(0, dot))) return false;
    if (dot == std::string_view::npos) return true;
    name.remove_prefix(dot + 1);
  }
}

}  // namespace

base::Result<Host> parse_host(std::string_view text) {
  if (const auto ip = net::parse_ip(text)) {
    IpHost host;
    std::visit([&](const auto& address) { host.address = base::to_bytes(address.octets); }, *ip);
    return Host{std::move(host)};
  }
  std::string name{text};
  std::transform(name.begin(), name.end(), name.begin(), lower);
  if (name.ends_with('.')) name.pop_back();
  if (!is_name(name)) {
    return base::Error{base::Errc::tls_handshake, 0, "not a host name: " + std::string{text}};
  }
  return Host{DnsHost{std::move(name)}};
}

bool dns_name_matches(std::string_view presented, std::string_view host) {
  std::string pattern{presented};
  std::transform(pattern.begin(), pattern.end(), pattern.begin(), lower);
  if (!pattern.starts_with("*.")) return is_name(pattern) && pattern == host;
  const std::string_view parent = std::string_view{pattern}.substr(2);
  const std::size_t dot = host.find('.');
  return is_name(parent) && parent.find('.') != std::string_view::npos &&
         dot != std::string_view::npos && dot > 0 && host.substr(dot + 1) == parent;
}

}  // namespace mix::tls::detail
