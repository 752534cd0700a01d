// Errors as values. One list (errors.def) names every failure that can reach a caller; it
// generates this enum, the texts, and the TypeScript union in packages/mix-tunnel.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace mix::base {

/// Number, stable name and meaning of each code: see errors.def. Numbers are never reused.
enum class Errc : std::uint16_t {
#define MIX_ERROR(number, name, error_class, api_code, sentence) name = number,
#include "mix/base/errors.def"
#undef MIX_ERROR
};

enum class ErrorClass : std::uint8_t {
  usage,
  config,
  network,
  gateway,
  mixnet,
  exit,
  dns,
  tls,
  http,
  websocket,
  timeout,
  aborted,
  internal,
};

/// A failure with what the caller needs to act on it.
struct Error {
  Errc code;
  /// Code-specific number: an HTTP status, a TLS alert, a length. 0 when unused.
  std::uint32_t detail = 0;
  /// What failed, in words for the caller (a host name, the peer's text). Shown to the page
  /// that asked, never logged.
  std::string context = {};

  friend bool operator==(const Error&, const Error&) = default;
};

[[nodiscard]] ErrorClass error_class(Errc code);
[[nodiscard]] std::string_view class_name(ErrorClass error_class);
/// Stable identifier of the code, e.g. "sphinx_bad_mac".
[[nodiscard]] std::string_view error_name(Errc code);
/// The public MixErrorCode of api.md part 2 §1, e.g. "TLS_CERTIFICATE".
[[nodiscard]] std::string_view api_code(Errc code);
/// One sentence without the context.
[[nodiscard]] std::string_view error_sentence(Errc code);
/// Sentence plus context, e.g. "DNS error: the name does not exist: nowhere.test".
[[nodiscard]] std::string describe(const Error& error);

}  // namespace mix::base
