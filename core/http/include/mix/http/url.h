// Absolute http(s) and ws(s) URLs as the engine needs them. The page's URL parser has already
// normalised what a user typed (IDNA included); here malformed input is an error.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "mix/base/result.h"

namespace mix::http {

struct Url {
  std::string scheme;      // lower case
  std::string host;        // lower case; IPv6 literal without brackets, in canonical text
  std::uint16_t port = 0;  // explicit or the scheme's default
  std::string path;        // begins with '/', includes the query, no fragment
  std::string fragment;    // with '#', or empty

  friend bool operator==(const Url&, const Url&) = default;

  /// Takes visible ASCII only; removes dot segments; refuses user information.
  /// Errors: `usage_bad_url`, `usage_bad_scheme` (not http, https, ws or wss; context: the scheme).
  [[nodiscard]] static base::Result<Url> parse(std::string_view text);
  /// Resolves a Location header against this URL (RFC 3986 §5). Spaces and bytes above 0x7E, which
  /// servers send, are percent-encoded. The fragment is the reference's own. Errors: as parse.
  [[nodiscard]] base::Result<Url> resolve(std::string_view reference) const;
  [[nodiscard]] bool secure() const { return scheme == "https" || scheme == "wss"; }
  [[nodiscard]] bool default_port() const;
  /// scheme://host[:port], the default port left out.
  [[nodiscard]] std::string origin() const;
  /// Value of the Host header (RFC 9110 §7.2).
  [[nodiscard]] std::string authority() const;
  /// Without the fragment, which never goes over the wire.
  [[nodiscard]] std::string to_string() const;
};

/// The platform's URL parser (WHATWG URL), where there is one: it knows IDNA and all the rest.
class UrlResolver {
 public:
  virtual ~UrlResolver() = default;
  /// The absolute, normalised URL that `reference` (a server's bytes, UTF-8 or ISO-8859-1) means
  /// within `base`; nothing when it means none.
  [[nodiscard]] virtual std::optional<std::string> resolve(std::string_view base,
                                                           std::string_view reference) const = 0;
};

}  // namespace mix::http
