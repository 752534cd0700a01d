// HTTP connections over Beast.
#include "http_server.h"

#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>
#include <set>
#include <utility>

#include "quiet.h"

namespace mix::localnet {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using asio::ip::tcp;
using boost::system::error_code;

constexpr std::size_t kMaxConnections = 1024;
constexpr std::size_t kMaxBody = 64 * 1024;
constexpr std::size_t kMaxHead = 16 * 1024;
constexpr std::chrono::seconds kIdle{60};

std::string to_std(beast::string_view text) { return {text.data(), text.size()}; }

}  // namespace

class HttpServer::Impl : public std::enable_shared_from_this<Impl> {
 public:
  Impl(asio::io_context& io, const tcp::endpoint& endpoint, Handler handler)
      : acceptor_(io), handler_(std::move(handler)) {
    acceptor_.open(endpoint.protocol());
    acceptor_.set_option(tcp::acceptor::reuse_address(true));
    acceptor_.bind(endpoint);
    acceptor_.listen();
  }

  void accept();
  void close();
  [[nodiscard]] tcp::endpoint endpoint() const { return acceptor_.local_endpoint(); }

 private:
  class Connection;

  tcp::acceptor acceptor_;
  Handler handler_;
  std::set<std::shared_ptr<Connection>> connections_;
};

class HttpServer::Impl::Connection : public std::enable_shared_from_this<Connection> {
 public:
  Connection(tcp::socket socket, std::weak_ptr<Impl> server)
      : stream_(std::move(socket)), server_(std::move(server)) {}

  void read() {
    parser_.emplace();
    parser_->body_limit(kMaxBody);
    parser_->header_limit(kMaxHead);
    stream_.expires_after(kIdle);
    http::async_read(
        stream_, buffer_, *parser_,
        [self = shared_from_this()](error_code error, std::size_t) { self->received(error); });
  }

  void close() { stream_.close(); }

 private:
  void received(error_code error) {
    const auto server = server_.lock();
    if (!server) return;
    if (error) return end();
    const auto message = parser_->release();
    // A HEAD is answered as a GET, without its body. RFC 9110 §9.3.2
    const auto method = is_head(message) ? "GET" : to_std(message.method_string());
    HttpRequest request{method, to_std(message.target()), message.body(),
                        to_std(message[http::field::content_type]),
                        to_std(message[http::field::origin])};
    auto answer = server->handler_(request);
    if (!answer) return wait_for_end();
    respond(*std::move(answer), message);
  }

  /// Never answers; the client or close() ends the connection.
  void wait_for_end() {
    stream_.expires_never();
    stream_.async_read_some(buffer_.prepare(1),
                            [self = shared_from_this()](error_code, std::size_t) { self->end(); });
  }

  static bool is_head(const http::request<http::string_body>& request) {
    return request.method() == http::verb::head;
  }

  void respond(HttpAnswer answer, const http::request<http::string_body>& request) {
    response_ = {};
    response_.version(request.version());
    response_.result(static_cast<unsigned>(answer.status));
    response_.keep_alive(request.keep_alive());
    if (!answer.content_type.empty()) {
      response_.set(http::field::content_type, answer.content_type);
    }
    for (const auto& [name, value] : answer.headers) response_.set(name, value);
    if (answer.status == 204) {
      response_.erase(http::field::content_length);
    } else if (is_head(request)) {
      response_.content_length(answer.body.size());
    } else {
      response_.body() = std::move(answer.body);
      response_.prepare_payload();
    }
    http::async_write(stream_, response_,
                      [self = shared_from_this()](error_code error, std::size_t) {
                        if (error || !self->response_.keep_alive()) return self->end();
                        self->read();
                      });
  }

  void end() {
    shutdown_send_quietly(stream_.socket());
    stream_.close();
    if (const auto server = server_.lock()) server->connections_.erase(shared_from_this());
  }

  beast::tcp_stream stream_;
  std::weak_ptr<Impl> server_;
  beast::flat_buffer buffer_;
  std::optional<http::request_parser<http::string_body>> parser_;
  http::response<http::string_body> response_;
};

void HttpServer::Impl::accept() {
  acceptor_.async_accept([weak = weak_from_this()](error_code error, tcp::socket socket) {
    const auto self = weak.lock();
    if (!self || !self->acceptor_.is_open()) return;
    if (!error && self->connections_.size() < kMaxConnections) {
      set_no_delay(socket);
      const auto connection = std::make_shared<Connection>(std::move(socket), self);
      self->connections_.insert(connection);
      connection->read();
    }
    self->accept();
  });
}

void HttpServer::Impl::close() {
  close_quietly(acceptor_);
  for (const auto& connection : std::exchange(connections_, {})) connection->close();
}

HttpServer::HttpServer(asio::io_context& io, const tcp::endpoint& endpoint, Handler handler)
    : impl_(std::make_shared<Impl>(io, endpoint, std::move(handler))) {
  impl_->accept();
}

HttpServer::~HttpServer() { close(); }

tcp::endpoint HttpServer::endpoint() const { return impl_->endpoint(); }

void HttpServer::close() { impl_->close(); }

}  // namespace mix::localnet
