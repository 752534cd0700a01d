// A small HTTP/1.1 server over Beast: keep-alive, bounded bodies, CORS. What it answers is a
// function of the request.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <functional>
#include <memory>
#include <optional>

#include "mix/localnet/http.h"

namespace mix::localnet {

class HttpServer {
 public:
  /// Nothing: the request is never answered.
  using Handler = std::function<std::optional<HttpAnswer>(const HttpRequest&)>;

  /// Listens at once. Throws boost::system::system_error when the address is taken.
  HttpServer(boost::asio::io_context& io, const boost::asio::ip::tcp::endpoint& endpoint,
             Handler handler);
  ~HttpServer();
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  [[nodiscard]] boost::asio::ip::tcp::endpoint endpoint() const;
  /// Stops listening and drops all connections.
  void close();

 private:
  class Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace mix::localnet
