// A network in a thread of its own, and plain HTTP to it, for tests with real sockets.
#pragma once

#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>

#include "mix/crypto/system_rng.h"
#include "mix/localnet/network.h"

namespace mix::localnet {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using nlohmann::json;

/// The network in a thread of its own; the test talks to it only over sockets.
class RunningNetwork {
 public:
  explicit RunningNetwork(const NetworkConfig& config = {}) : network_(io_, config, rng_) {
    thread_ = std::thread([this] { io_.run(); });
  }
  ~RunningNetwork() {
    asio::post(io_, [this] { network_.stop(); });
    thread_.join();  // stop() leaves no work behind
  }

  [[nodiscard]] const NetworkAddresses& addresses() const { return network_.addresses(); }
  [[nodiscard]] std::uint16_t directory_port() const { return port_of(addresses().directory_url); }
  static std::uint16_t port_of(const std::string& url) {
    return static_cast<std::uint16_t>(std::stoi(url.substr(url.find(':', 6) + 1)));
  }

 private:
  crypto::SystemRng rng_;
  asio::io_context io_{1};
  Network network_;
  std::thread thread_;
};

class HttpClient {
 public:
  explicit HttpClient(std::uint16_t port) : stream_(io_) {
    stream_.connect({asio::ip::address_v4::loopback(), port});
  }
  http::response<http::string_body> ask(http::verb verb, const std::string& target,
                                        const std::string& body = "",
                                        const std::string& origin = "") {
    http::request<http::string_body> request(verb, target, 11);
    request.set(http::field::host, "localhost");
    if (!origin.empty()) request.set(http::field::origin, origin);
    request.body() = body;
    request.prepare_payload();
    http::write(stream_, request);
    http::response_parser<http::string_body> parser;
    parser.skip(verb == http::verb::head);
    http::read(stream_, buffer_, parser);
    return parser.release();
  }
  json get(const std::string& target) {
    const auto response = ask(http::verb::get, target);
    EXPECT_EQ(response.result_int(), 200U) << target << " " << response.body();
    return json::parse(response.body(), nullptr, false);
  }
  json post(const std::string& target, const json& body = json::object()) {
    const auto response = ask(http::verb::post, target, body.dump());
    EXPECT_EQ(response.result_int(), 200U) << target << " " << response.body();
    return json::parse(response.body(), nullptr, false);
  }

 private:
  asio::io_context io_;
  beast::tcp_stream stream_;
  beast::flat_buffer buffer_;
};

}  // namespace mix::localnet
