// Absolute http(s) and ws(s) URLs as the engine needs them. The page's URL parser has already
// normalised what a user typed (IDNA included); here malformed input is an error.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "mix/base/result.h"

namespace mix::http {

struct Url {
  std::string scheme;    // lower case
  std::string host;      // lower case; IPv6 literal without brackets
  std::uint16_t port;    // explicit or the scheme's default
  std::string path;      // begins with '/', includes the query, no fragment
  std::string fragment;  // with '#', or empty

  /// Errors: `usage_bad_url`, `usage_bad_scheme` (not http, https, ws or wss).
  [[nodiscard]] static base::Result<Url> parse(std::string_view text);
  /// Resolves a Location header against this URL (RFC 3986 §5). Errors: as parse.
  [[nodiscard]] base::Result<Url> resolve(std::string_view reference) const;
  [[nodiscard]] bool secure() const { return scheme == "https" || scheme == "wss"; }
  [[nodiscard]] bool default_port() const;
  /// scheme://host[:port], the default port left out.
  [[nodiscard]] std::string origin() const;
  /// Value of the Host header (RFC 9110 §7.2).
  [[nodiscard]] std::string authority() const;
  [[nodiscard]] std::string to_string() const;
};

}  // namespace mix::http
