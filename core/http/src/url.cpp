#include "mix/http/url.h"

#include <charconv>
#include <optional>
#include <vector>

#include "constants.h"
#include "mix/net/address.h"
#include "text.h"

namespace mix::http {

namespace {

using base::Errc;
using base::Error;

base::Error bad_url(std::string_view text) { return {Errc::usage_bad_url, 0, std::string{text}}; }

std::optional<std::uint16_t> default_port_of(std::string_view scheme) {
  if (scheme == "http" || scheme == "ws") return detail::kHttpPort;
  if (scheme == "https" || scheme == "wss") return detail::kHttpsPort;
  return std::nullopt;
}

/// The scheme in front of the first colon, if the text has one. spec: RFC 3986 §3.1
std::optional<std::string> scheme_of(std::string_view text) {
  const std::size_t colon = text.find(':');
  if (colon == std::string_view::npos || colon == 0 || !is_alpha(text.front())) return std::nullopt;
  for (const char c : text.substr(0, colon)) {
    if (!is_alpha(c) && !is_digit(c) && c != '+' && c != '-' && c != '.') return std::nullopt;
  }
  return lower(text.substr(0, colon));
}

/// A registered name as the DNS knows it, or a dotted IPv4 address.
bool is_host_name(std::string_view host) {
  return !host.empty() && std::all_of(host.begin(), host.end(), [](char c) {
    return is_alpha(c) || is_digit(c) || c == '-' || c == '.' || c == '_';
  });
}

/// host [":" port]; user information is refused as fetch refuses it. spec: RFC 3986 §3.2
base::Result<void> read_authority(std::string_view text, Url& url) {
  if (text.find('@') != std::string_view::npos) return bad_url("credentials in the URL");
  std::string_view port;
  if (text.starts_with('[')) {
    const std::size_t close = text.find(']');
    if (close == std::string_view::npos) return bad_url(text);
    const auto address = net::parse_ip(text.substr(1, close - 1));
    if (!address || !std::holds_alternative<net::Ipv6>(*address)) return bad_url(text);
    url.host = net::to_string(*address);
    port = text.substr(close + 1);
    if (!port.empty() && port.front() != ':') return bad_url(text);
  } else {
    const std::size_t colon = text.find(':');
    const std::string_view host = text.substr(0, colon);
    if (!is_host_name(host)) return bad_url(text);
    url.host = lower(host);
    if (colon != std::string_view::npos) port = text.substr(colon);
  }
  if (port.size() <= 1) return {};
  port.remove_prefix(1);
  const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), url.port);
  if (error != std::errc{} || end != port.data() + port.size() || url.port == 0) {
    return bad_url(text);
  }
  return {};
}

/// "." and "..", also with the dot percent-encoded, as browsers take them.
enum class Segment : std::uint8_t { kPlain, kDot, kDotDot };
Segment classify(std::string_view segment) {
  std::size_t dots = 0;
  while (!segment.empty()) {
    if (segment.front() == '.') {
      segment.remove_prefix(1);
    } else if (equal_ignoring_case(segment.substr(0, 3), "%2e")) {
      segment.remove_prefix(3);
    } else {
      return Segment::kPlain;
    }
    ++dots;
  }
  return dots == 1 ? Segment::kDot : dots == 2 ? Segment::kDotDot : Segment::kPlain;
}

/// spec: RFC 3986 §5.2.4. `path` begins with '/'.
std::string remove_dot_segments(std::string_view path) {
  std::vector<std::string_view> kept;
  bool ends_in_slash = false;
  while (!path.empty()) {
    path.remove_prefix(1);
    const std::string_view segment = path.substr(0, path.find('/'));
    path.remove_prefix(segment.size());
    const Segment kind = classify(segment);
    if (kind == Segment::kPlain) {
      kept.push_back(segment);
    } else if (kind == Segment::kDotDot && !kept.empty()) {
      kept.pop_back();
    }
    ends_in_slash = kind != Segment::kPlain;
  }
  std::string out;
  for (const std::string_view segment : kept) out.append("/").append(segment);
  if (ends_in_slash || out.empty()) out.push_back('/');
  return out;
}

/// Path, query and fragment of a reference, each with its delimiter.
struct Tail {
  std::string_view path, query, fragment;
};
Tail split_tail(std::string_view text) {
  Tail tail;
  if (const std::size_t hash = text.find('#'); hash != std::string_view::npos) {
    tail.fragment = text.substr(hash);
    text = text.substr(0, hash);
  }
  if (const std::size_t mark = text.find('?'); mark != std::string_view::npos) {
    tail.query = text.substr(mark);
    text = text.substr(0, mark);
  }
  tail.path = text;
  return tail;
}

std::string_view path_only(std::string_view path_and_query) {
  return path_and_query.substr(0, path_and_query.find('?'));
}

/// "//" authority path-abempty ["?" query] ["#" fragment]
base::Result<Url> read_hierarchy(std::string scheme, std::string_view text) {
  const auto port = default_port_of(scheme);
  if (!port) return Error{Errc::usage_bad_scheme, 0, std::move(scheme)};
  if (!text.starts_with("//")) return bad_url(text);
  text.remove_prefix(2);
  Url url{std::move(scheme), "", *port, "", ""};
  const std::string_view authority = text.substr(0, text.find_first_of("/?#"));
  MIX_CHECK(read_authority(authority, url));
  const Tail tail = split_tail(text.substr(authority.size()));
  url.path = remove_dot_segments(tail.path).append(tail.query);
  url.fragment = tail.fragment;
  return url;
}

/// Servers put spaces and raw UTF-8 into Location; browsers encode these.
std::string encode_stray_bytes(std::string_view text) {
  constexpr std::string_view kHex = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    if (is_visible(c) && c != '"' && c != '<' && c != '>' && c != '`') {
      out.push_back(c);
    } else {
      const auto byte = static_cast<unsigned char>(c);
      out.push_back('%');
      out.push_back(kHex[byte >> 4]);
      out.push_back(kHex[byte & 15]);
    }
  }
  return out;
}

bool is_control_or_space(char c) { return static_cast<unsigned char>(c) <= ' '; }

}  // namespace

base::Result<Url> Url::parse(std::string_view text) {
  if (!std::all_of(text.begin(), text.end(), is_visible)) return bad_url("unencoded character");
  const auto scheme = scheme_of(text);
  if (!scheme) return bad_url("relative URL without a base");
  return read_hierarchy(*scheme, text.substr(scheme->size() + 1));
}

base::Result<Url> Url::resolve(std::string_view reference) const {
  while (!reference.empty() && is_control_or_space(reference.front())) reference.remove_prefix(1);
  while (!reference.empty() && is_control_or_space(reference.back())) reference.remove_suffix(1);
  for (const char c : reference) {
    if (is_control_or_space(c) && c != ' ') return bad_url("control character");
  }
  const std::string clean = encode_stray_bytes(reference);
  const std::string_view text = clean;

  // spec: RFC 3986 §5.2.2
  if (const auto other = scheme_of(text)) {
    return read_hierarchy(*other, text.substr(other->size() + 1));
  }
  if (text.starts_with("//")) return read_hierarchy(scheme, text);
  const Tail tail = split_tail(text);
  Url url = *this;
  url.fragment = tail.fragment;
  if (tail.path.starts_with('/')) {
    url.path = remove_dot_segments(tail.path).append(tail.query);
  } else if (!tail.path.empty()) {
    const std::string_view own = path_only(path);
    std::string merged{own.substr(0, own.rfind('/') + 1)};
    url.path = remove_dot_segments(merged.append(tail.path)).append(tail.query);
  } else if (!tail.query.empty()) {
    url.path = std::string{path_only(path)}.append(tail.query);
  }
  return url;
}

bool Url::default_port() const { return default_port_of(scheme) == port; }

std::string Url::authority() const {
  std::string out = host.find(':') == std::string::npos ? host : "[" + host + "]";
  if (!default_port()) out.append(":").append(std::to_string(port));
  return out;
}

std::string Url::origin() const { return scheme + "://" + authority(); }

std::string Url::to_string() const { return origin() + path; }

}  // namespace mix::http
