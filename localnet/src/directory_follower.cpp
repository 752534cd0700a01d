// One HTTP request after the other over Beast, each on a connection of its own.
#include "directory_follower.h"

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>
#include <optional>
#include <stdexcept>
#include <utility>

#include "quiet.h"

namespace mix::localnet {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using asio::ip::tcp;
using boost::system::error_code;

constexpr std::chrono::seconds kExchangeTimeout{10};
constexpr std::size_t kMaxAnswer = 1024 * 1024;

struct Place {
  std::string host, port, target;
};

Place parse_url(const std::string& url) {
  constexpr std::string_view kScheme = "http://";
  const auto wrong = [&url] {
    return std::invalid_argument("not a directory URL like http://10.0.0.1:8000/api: " + url);
  };
  if (!url.starts_with(kScheme)) throw wrong();
  const std::string rest = url.substr(kScheme.size());
  const std::size_t slash = rest.find('/');
  std::string authority = rest.substr(0, slash);
  std::string path = slash == std::string::npos ? "" : rest.substr(slash);
  while (path.ends_with('/')) path.pop_back();
  Place place{authority, "80", path + "/localnet/nodes"};
  const std::size_t colon = authority.rfind(':');
  if (colon != std::string::npos && authority.find(']', colon) == std::string::npos) {
    place.host = authority.substr(0, colon);
    place.port = authority.substr(colon + 1);
  }
  if (place.host.starts_with('[') && place.host.ends_with(']')) {
    place.host = place.host.substr(1, place.host.size() - 2);
  }
  if (place.host.empty() || place.port.empty()) throw wrong();
  return place;
}

}  // namespace

class DirectoryFollower::Impl : public std::enable_shared_from_this<Impl> {
 public:
  Impl(asio::io_context& io, const std::string& url, Announce announce, Follow follow)
      : place_(parse_url(url)),
        resolver_(io),
        stream_(io),
        timer_(io),
        announce_(std::move(announce)),
        follow_(std::move(follow)) {}

  void begin() {
    if (stopped_) return;
    resolver_.async_resolve(place_.host, place_.port,
                            [self = shared_from_this()](error_code error, const auto& found) {
                              if (self->failed(error)) return;
                              self->connect(found);
                            });
  }

  void stop() {
    stopped_ = true;
    resolver_.cancel();
    timer_.cancel();
    stream_.close();
  }

  [[nodiscard]] const std::string& problem() const { return problem_; }

 private:
  void connect(const tcp::resolver::results_type& found) {
    stream_.expires_after(kExchangeTimeout);
    stream_.async_connect(found, [self = shared_from_this()](error_code error, const auto&) {
      if (!self->failed(error)) self->ask();
    });
  }

  void ask() {
    set_no_delay(stream_.socket());
    request_ = {http::verb::post, place_.target, 11};
    request_.set(http::field::host, place_.host);
    request_.set(http::field::content_type, "application/json");
    request_.keep_alive(false);
    request_.body() = announce_();
    request_.prepare_payload();
    http::async_write(stream_, request_,
                      [self = shared_from_this()](error_code error, std::size_t) {
                        if (!self->failed(error)) self->read();
                      });
  }

  void read() {
    buffer_.clear();
    parser_.emplace();
    parser_->body_limit(kMaxAnswer);
    http::async_read(stream_, buffer_, *parser_,
                     [self = shared_from_this()](error_code error, std::size_t) {
                       if (!self->failed(error)) self->answered();
                     });
  }

  void answered() {
    stream_.close();
    const auto answer = parser_->release();
    if (answer.result() != http::status::ok) return try_later(answer.body());
    try {
      const NetworkView view = parse_view(answer.body());
      problem_.clear();
      if (follow_(view) == Next::kAtOnce) return begin();
      wait();
    } catch (const std::invalid_argument& error) {
      try_later(error.what());
    }
  }

  /// True when that was the end of this attempt.
  bool failed(error_code error) {
    if (stopped_) return true;
    if (error) try_later(error.message());
    return static_cast<bool>(error);
  }

  void try_later(std::string problem) {
    problem_ = std::move(problem);
    stream_.close();
    wait();
  }

  void wait() {
    if (stopped_) return;
    timer_.expires_after(kAnnouncementInterval);
    timer_.async_wait([self = shared_from_this()](error_code error) {
      if (!error) self->begin();
    });
  }

  Place place_;
  tcp::resolver resolver_;
  beast::tcp_stream stream_;
  asio::steady_timer timer_;
  Announce announce_;
  Follow follow_;
  http::request<http::string_body> request_;
  beast::flat_buffer buffer_;
  std::optional<http::response_parser<http::string_body>> parser_;
  std::string problem_;
  bool stopped_ = false;
};

DirectoryFollower::DirectoryFollower(asio::io_context& io, const std::string& directory_url,
                                     Announce announce, Follow follow)
    : impl_(std::make_shared<Impl>(io, directory_url, std::move(announce), std::move(follow))) {
  impl_->begin();
}

DirectoryFollower::~DirectoryFollower() { stop(); }

const std::string& DirectoryFollower::problem() const { return impl_->problem(); }

void DirectoryFollower::stop() { impl_->stop(); }

}  // namespace mix::localnet
