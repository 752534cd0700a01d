// Origins and CORS.
#include "front_door.h"

#include <boost/asio/ip/address_v4.hpp>
#include <string>
#include <string_view>
#include <utility>

#include "mix/localnet/metrics.h"
#include "mix/localnet/status_page.h"

namespace mix::localnet {
namespace {

/// A page on this machine, by the origin's host.
bool is_loopback_origin(std::string_view origin) {
  const std::size_t scheme = origin.find("://");
  if (scheme == std::string_view::npos) return false;
  std::string_view host = origin.substr(scheme + 3);
  const std::size_t port = host.rfind(':');
  if (port != std::string_view::npos && host.find(']', port) == std::string_view::npos) {
    host = host.substr(0, port);
  }
  if (host == "localhost" || host == "[::1]" || host.ends_with(".localhost")) return true;
  boost::system::error_code not_an_address;
  const auto address = boost::asio::ip::make_address_v4(std::string(host), not_an_address);
  return !not_an_address && address.is_loopback();
}

void add_cors(HttpAnswer& answer, std::string origin) {
  answer.headers.emplace_back("Access-Control-Allow-Origin", std::move(origin));
  // For pages that are cross-origin isolated. spec: topology §1
  answer.headers.emplace_back("Cross-Origin-Resource-Policy", "cross-origin");
}

HttpAnswer preflight_answer() {
  HttpAnswer answer;
  answer.status = 204;
  answer.headers = {{"Access-Control-Allow-Methods", "GET, POST, OPTIONS"},
                    {"Access-Control-Allow-Headers", "*, Content-Type, Accept"},
                    {"Access-Control-Allow-Private-Network", "true"},
                    {"Access-Control-Max-Age", "600"}};
  return answer;
}

HttpAnswer answer_page(NetworkControl& network, const HttpRequest& request) {
  if (request.path().starts_with("/admin")) return answer_admin(network, request);
  if (request.method != "GET") return error_answer(405, "use GET");
  return request.path() == "/metrics" ? answer_metrics(network) : status_page();
}

}  // namespace

bool is_for_operator(const HttpRequest& request) {
  const std::string_view path = request.path();
  return path == "/" || path == "/metrics" || path.starts_with("/admin");
}

HttpAnswer answer_operator(NetworkControl& network, const HttpRequest& request) {
  const bool allowed = request.origin.empty() || is_loopback_origin(request.origin);
  if (!allowed) return error_answer(403, "the admin interface is for pages of this machine");
  HttpAnswer out = request.method == "OPTIONS" ? preflight_answer() : answer_page(network, request);
  add_cors(out, request.origin.empty() ? "*" : request.origin);
  return out;
}

std::optional<HttpAnswer> answer_client(const DirectoryHandler& directory,
                                        const HttpRequest& request) {
  auto out = request.method == "OPTIONS" ? std::optional(preflight_answer()) : directory(request);
  if (out) add_cors(*out, "*");
  return out;
}

}  // namespace mix::localnet
