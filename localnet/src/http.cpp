// Pieces of a request target; JSON answers.
#include "mix/localnet/http.h"

#include <nlohmann/json.hpp>

namespace mix::localnet {

std::string_view HttpRequest::path() const {
  return std::string_view(target).substr(0, target.find('?'));
}

std::string_view HttpRequest::query(std::string_view name) const {
  const std::size_t start = target.find('?');
  if (start == std::string::npos) return {};
  std::string_view rest = std::string_view(target).substr(start + 1);
  while (!rest.empty()) {
    const std::string_view pair = rest.substr(0, rest.find('&'));
    const std::size_t equals = pair.find('=');
    if (pair.substr(0, equals) == name) {
      return equals == std::string_view::npos ? std::string_view{} : pair.substr(equals + 1);
    }
    rest.remove_prefix(std::min(pair.size() + 1, rest.size()));
  }
  return {};
}

HttpAnswer json_answer(int status, std::string body) {
  return {status, "application/json", std::move(body), {}};
}

HttpAnswer error_answer(int status, std::string_view message) {
  return json_answer(status, nlohmann::json{{"error", message}}.dump());
}

}  // namespace mix::localnet
