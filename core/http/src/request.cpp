// Checking and writing requests. RFC 9110 §5, RFC 9112 §3; WHATWG Fetch for what a page may send.
#include <algorithm>
#include <charconv>

#include "mix/http/exchange.h"
#include "text.h"

namespace mix::http {
namespace {

using base::Errc;
using base::Error;

constexpr std::string_view kStandardMethods[] = {"GET", "POST", "PUT", "DELETE", "HEAD", "OPTIONS"};
constexpr std::string_view kForbiddenMethods[] = {"CONNECT", "TRACE", "TRACK"};
/// Framing and connection belong to the engine. spec: api part 2 §3
constexpr std::string_view kForbiddenHeaders[] = {"transfer-encoding", "connection", "upgrade"};

/// The same for every user, so that none stands out. spec: reference-behaviour §4
constexpr std::pair<std::string_view, std::string_view> kDefaultHeaders[] = {
    {"User-Agent",
     "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) "
     "Chrome/131.0.0.0 Safari/537.36"},
    {"Accept",
     "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8"},
    {"Accept-Language", "en-US,en;q=0.9"},
};

bool contains(std::span<const std::string_view> list, std::string_view name) {
  return std::ranges::any_of(
      list, [&](std::string_view entry) { return equal_ignoring_case(entry, name); });
}

bool is_field_value(std::string_view value) {
  return std::ranges::none_of(value, [](char c) { return c == '\r' || c == '\n' || c == '\0'; });
}

Error bad_header(std::string context) { return {Errc::usage_bad_header, 0, std::move(context)}; }

bool sends_length(const Request& request) {
  return request.has_body() || request.method == "POST" || request.method == "PUT" ||
         request.method == "PATCH";
}

/// None: known only at its end.
std::optional<std::uint64_t> body_length(const Request& request) {
  return request.streamed ? request.streamed->length : request.body.size();
}

}  // namespace

base::Result<void> validate(Request& request) {
  if (!is_token(request.method) || contains(kForbiddenMethods, request.method)) {
    return Error{Errc::usage_bad_method, 0, request.method};
  }
  for (const std::string_view method : kStandardMethods) {
    if (equal_ignoring_case(method, request.method)) request.method = method;
  }
  if (request.has_body() && (request.method == "GET" || request.method == "HEAD")) {
    return Error{Errc::usage_bad_body, 0, "a " + request.method + " request cannot have a body"};
  }
  for (const auto& [name, value] : request.headers) {
    if (!is_token(name)) return bad_header("name: " + name);
    if (!is_field_value(value)) return bad_header("value of " + name);
    if (contains(kForbiddenHeaders, name)) return bad_header(name + " is set by the engine");
    if (!equal_ignoring_case(name, "content-length")) continue;
    std::uint64_t length = 0;
    const char* end = value.data() + value.size();
    const auto [stop, status] = std::from_chars(value.data(), end, length);
    if (status != std::errc{} || stop != end || length != body_length(request)) {
      return bad_header("Content-Length disagrees with the body");
    }
  }
  return {};
}

std::optional<std::uint64_t> content_length(const HeaderList& headers) {
  const auto text = find_header(headers, "content-length");
  std::uint64_t length = 0;
  if (!text) return std::nullopt;
  const char* end = text->data() + text->size();
  const auto [stop, status] = std::from_chars(text->data(), end, length);
  return status == std::errc{} && stop == end ? std::optional{length} : std::nullopt;
}

std::optional<std::string> find_header(const HeaderList& headers, std::string_view name) {
  for (const auto& [key, value] : headers) {
    if (equal_ignoring_case(key, name)) return value;
  }
  return std::nullopt;
}

void add_default_headers(HeaderList& headers, std::string_view accept_encoding) {
  const auto add = [&](std::string_view name, std::string_view value) {
    if (!find_header(headers, name)) headers.emplace_back(name, value);
  };
  for (const auto& [name, value] : kDefaultHeaders) add(name, value);
  // A part of a coded body cannot be decoded.
  add("Accept-Encoding", find_header(headers, "range") ? "identity" : accept_encoding);
}

void replace_header(HeaderList& headers, std::string_view name, std::optional<std::string> value) {
  std::erase_if(headers,
                [&](const auto& header) { return equal_ignoring_case(header.first, name); });
  if (value) headers.emplace_back(name, *std::move(value));
}

bool is_set_cookie(std::string_view name) { return equal_ignoring_case(name, "set-cookie"); }

base::Bytes encode_head(const Request& request) {
  std::string text = request.method + ' ' + request.url.path + " HTTP/1.1\r\n";
  const auto line = [&](std::string_view name, std::string_view value) {
    text.append(name).append(": ").append(value).append("\r\n");
  };
  line("Host", find_header(request.headers, "host").value_or(request.url.authority()));
  line("Connection", "keep-alive");
  for (const auto& [name, value] : request.headers) {
    if (!equal_ignoring_case(name, "host") && !equal_ignoring_case(name, "content-length")) {
      line(name, value);
    }
  }
  if (const auto length = body_length(request); !length) {
    line("Transfer-Encoding", "chunked");
  } else if (sends_length(request)) {
    line("Content-Length", std::to_string(*length));
  }
  text += "\r\n";
  return base::to_bytes(base::as_bytes(text));
}

}  // namespace mix::http
