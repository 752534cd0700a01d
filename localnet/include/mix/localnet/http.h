// An HTTP request and its answer as plain values, so that the directory and the admin interface
// are functions.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace mix::localnet {

struct HttpRequest {
  std::string method;  // "GET"
  std::string target;  // "/api/v1/epoch/key-rotation-info?output=json"
  std::string body;
  std::string content_type;  // empty when absent
  std::string origin;        // of a page that asks across origins; empty when absent

  [[nodiscard]] std::string_view path() const;
  /// The first value of a query parameter, not decoded; empty when absent.
  [[nodiscard]] std::string_view query(std::string_view name) const;
};

struct HttpAnswer {
  int status = 200;
  std::string content_type;  // empty: no body
  std::string body;
  std::vector<std::pair<std::string, std::string>> headers;
};

[[nodiscard]] HttpAnswer json_answer(int status, std::string body);
/// `{"error": "..."}`.
[[nodiscard]] HttpAnswer error_answer(int status, std::string_view message);

}  // namespace mix::localnet
