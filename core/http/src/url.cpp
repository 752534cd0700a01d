#include "mix/http/url.h"

#include <charconv>
#include <tuple>

#include "text.h"

namespace mix::http {
namespace {

using base::Errc;
using base::Error;

Error bad_url(std::string_view text) { return {Errc::usage_bad_url, 0, std::string{text}}; }

std::uint16_t default_port_of(std::string_view scheme) {
  return scheme == "https" || scheme == "wss" ? 443 : 80;
}

bool is_known_scheme(std::string_view scheme) {
  return scheme == "http" || scheme == "https" || scheme == "ws" || scheme == "wss";
}

/// RFC 3986 §2: what may stand in a path or query, percent signs included.
bool is_path_char(char c) {
  return is_alpha(c) || is_digit(c) ||
         std::string_view{"-._~:/?@!$&'()*+,;=%[]|^`{}\"\\"}.find(c) != std::string_view::npos;
}

bool is_host_char(char c) {
  return is_alpha(c) || is_digit(c) ||
         std::string_view{"-._~!$&'()*+,;=%"}.find(c) != std::string_view::npos;
}

/// Splits at the first of `marks`; the mark stays with the second part.
std::pair<std::string_view, std::string_view> split(std::string_view text, std::string_view marks) {
  const std::size_t at = text.find_first_of(marks);
  if (at == std::string_view::npos) return {text, {}};
  return {text.substr(0, at), text.substr(at)};
}

/// RFC 3986 §5.2.4 for a path that begins with '/'.
std::string remove_dot_segments(std::string_view path) {
  std::string out;
  while (!path.empty()) {
    const std::size_t end = std::min(path.find('/', 1), path.size());
    const std::string_view segment = path.substr(0, end);
    const bool last = end == path.size();
    path.remove_prefix(end);
    if (segment == "/.") {
      if (last) out += '/';
    } else if (segment == "/..") {
      out.erase(std::min(out.rfind('/'), out.size()));
      if (last) out += '/';
    } else {
      out += segment;
    }
  }
  return out.empty() ? "/" : out;
}

/// Servers put raw spaces and UTF-8 into Location; a URL holds them percent-encoded.
std::string percent_encode_foreign(std::string_view text) {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (is_path_char(c) || c == '#') {
      out += c;
    } else {
      out += '%';
      out += kDigits[byte >> 4];
      out += kDigits[byte & 15];
    }
  }
  return out;
}

std::string_view trim(std::string_view text) {
  const auto blank = [](char c) { return c == ' ' || c == '\t'; };
  while (!text.empty() && blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && blank(text.back())) text.remove_suffix(1);
  return text;
}

/// The scheme of an absolute reference, or nothing.
std::string_view scheme_of(std::string_view text) {
  const std::size_t colon = text.find(':');
  if (colon == std::string_view::npos || colon == 0 || !is_alpha(text[0])) return {};
  const std::string_view scheme = text.substr(0, colon);
  const bool valid = std::ranges::all_of(scheme, [](char c) {
    return is_alpha(c) || is_digit(c) || c == '+' || c == '-' || c == '.';
  });
  return valid ? scheme : std::string_view{};
}

}  // namespace

base::Result<Url> Url::parse(std::string_view text) {
  Url url;
  const std::string_view scheme = scheme_of(text);
  if (scheme.empty()) return bad_url("relative URL without a base");
  url.scheme = lower(scheme);
  if (!is_known_scheme(url.scheme)) return Error{Errc::usage_bad_scheme, 0, url.scheme};
  std::string_view rest = text.substr(scheme.size() + 1);
  if (!rest.starts_with("//")) return bad_url(text);
  const auto [authority, after] = split(rest.substr(2), "/?#");
  rest = after;

  std::string_view host = authority;
  std::string_view port;
  if (authority.starts_with('[')) {
    const std::size_t close = authority.find(']');
    if (close == std::string_view::npos) return bad_url(text);
    host = authority.substr(1, close - 1);
    port = authority.substr(close + 1);
    const bool hexadecimal = std::ranges::all_of(host, [](char c) {
      return is_digit(c) || (lower(c) >= 'a' && lower(c) <= 'f') || c == ':' || c == '.';
    });
    if (!hexadecimal || host.find(':') == std::string_view::npos) return bad_url(text);
  } else {
    std::tie(host, port) = split(authority, ":");
    // '@' is no host character: a URL with credentials is refused, as fetch does.
    if (!std::ranges::all_of(host, is_host_char)) return bad_url(text);
  }
  if (host.empty()) return bad_url(text);
  url.host = lower(host);
  url.port = default_port_of(url.scheme);
  if (!port.empty() && port[0] != ':') return bad_url(text);
  if (port.size() > 1) {
    const char* end = port.data() + port.size();
    const auto [stop, status] = std::from_chars(port.data() + 1, end, url.port);
    if (status != std::errc{} || stop != end || url.port == 0) return bad_url(text);
  }

  const auto [path, fragment] = split(rest, "#");
  url.fragment = fragment;
  if (!std::ranges::all_of(path, is_path_char)) return bad_url(text);
  const auto [hierarchy, query] = split(path, "?");
  url.path = hierarchy.empty() ? "/" : remove_dot_segments(hierarchy);
  url.path += query;
  return url;
}

base::Result<Url> Url::resolve(std::string_view raw) const {
  const std::string encoded = percent_encode_foreign(trim(raw));
  const std::string_view reference = encoded;
  if (!scheme_of(reference).empty()) return parse(reference);
  if (reference.starts_with("//")) return parse(scheme + ":" + encoded);
  const auto [path_and_query, new_fragment] = split(reference, "#");
  const auto [new_path, new_query] = split(path_and_query, "?");
  const auto [base_path, base_query] = split(path, "?");
  Url url = *this;
  url.fragment = new_fragment;
  if (new_path.empty()) {
    url.path = std::string{base_path};
    url.path += new_query.empty() ? base_query : new_query;
    return url;
  }
  std::string merged{new_path};
  if (!new_path.starts_with('/')) {
    merged = std::string{base_path.substr(0, base_path.rfind('/') + 1)} + merged;
  }
  url.path = remove_dot_segments(merged);
  url.path += new_query;
  return url;
}

bool Url::default_port() const { return port == default_port_of(scheme); }

std::string Url::authority() const {
  const bool ipv6 = host.find(':') != std::string::npos;
  std::string text = ipv6 ? "[" + host + "]" : host;
  if (!default_port()) text += ":" + std::to_string(port);
  return text;
}

std::string Url::origin() const { return scheme + "://" + authority(); }

std::string Url::to_string() const { return origin() + path; }

}  // namespace mix::http
