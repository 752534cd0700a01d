// WebSocket server side over Beast.
#include "client_socket.h"

#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/websocket/stream.hpp>
#include <deque>
#include <utility>

#include "mix/localnet/constants.h"
#include "quiet.h"

namespace mix::localnet {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace websocket = beast::websocket;
using boost::system::error_code;

constexpr std::size_t kMaxMessage = std::size_t{1} << 20;
// A slow reader costs at most this much memory; thousands of packets.
constexpr std::size_t kMaxQueuedBytes = std::size_t{32} << 20;
// How long a dropped connection is read on, so that the last error frame is not lost to a reset.
constexpr std::chrono::milliseconds kLinger{500};

std::size_t size_of(const gateway::LinkFrame& frame) {
  if (const auto* text = std::get_if<gateway::TextFrame>(&frame)) return text->text.size();
  return std::get<gateway::BinaryFrame>(frame).bytes.size();
}

asio::const_buffer buffer_of(const gateway::LinkFrame& frame) {
  if (const auto* text = std::get_if<gateway::TextFrame>(&frame)) return asio::buffer(text->text);
  return asio::buffer(std::get<gateway::BinaryFrame>(frame).bytes);
}

class BeastSocket final : public ClientSocket, public std::enable_shared_from_this<BeastSocket> {
 public:
  explicit BeastSocket(asio::ip::tcp::socket socket)
      : socket_(std::move(socket)), timer_(socket_.get_executor()) {}

  void start(ClientSocketHandlers handlers) override {
    handlers_ = std::move(handlers);
    set_no_delay(tcp());
    socket_.set_option(
        websocket::stream_base::timeout{kUpgradeTimeout, websocket::stream_base::none(), false});
    socket_.read_message_max(kMaxMessage);
    // One message, one frame, as the network's gateways send.
    socket_.auto_fragment(false);
    // A weak pointer: the stream owns the callback.
    socket_.control_callback([weak = weak_from_this()](websocket::frame_type type,
                                                       beast::string_view payload) {
      if (const auto self = weak.lock()) {
        self->control_frame(
            type, base::to_bytes(base::as_bytes(std::string_view(payload.data(), payload.size()))));
      }
    });
    beast::get_lowest_layer(socket_).expires_after(kUpgradeTimeout);
    socket_.async_accept([self = shared_from_this()](error_code error) { self->accepted(error); });
  }

  void send(gateway::LinkFrame frame) override {
    if (state_ != State::kOpen) return;
    queued_bytes_ += size_of(frame);
    if (queued_bytes_ > kMaxQueuedBytes) return end();
    queue_.push_back(std::move(frame));
    if (!writing_) write();
  }

  void ping(base::ByteView payload) override {
    if (state_ != State::kOpen || pinging_) return;
    const std::string_view text = base::as_text(payload);
    pinging_ = true;
    socket_.async_ping(websocket::ping_data(text.data(), text.size()),
                       [self = shared_from_this()](error_code) { self->pinging_ = false; });
  }

  void close() override {
    if (state_ != State::kOpen) return;
    state_ = State::kClosing;
    if (!writing_) linger();
  }

  void abort() override {
    handlers_ = {};
    if (state_ != State::kEnded) {
      state_ = State::kEnded;
      shut();
    }
  }

 private:
  enum class State : std::uint8_t { kUpgrading, kOpen, kClosing, kEnded };

  asio::ip::tcp::socket& tcp() { return beast::get_lowest_layer(socket_).socket(); }

  void accepted(error_code error) {
    if (state_ == State::kEnded) return;
    if (error) return end();
    beast::get_lowest_layer(socket_).expires_never();
    state_ = State::kOpen;
    if (handlers_.opened) handlers_.opened();
    read();
  }

  void read() {
    socket_.async_read(buffer_, [self = shared_from_this()](error_code error, std::size_t) {
      self->received(error);
    });
  }

  void received(error_code error) {
    if (state_ == State::kEnded) return;
    if (error) return end();
    if (state_ == State::kOpen && handlers_.frame) {
      const auto data = buffer_.data();
      const base::ByteView bytes(static_cast<const std::uint8_t*>(data.data()), data.size());
      if (socket_.got_text()) {
        handlers_.frame(gateway::TextFrame{base::to_string(bytes)});
      } else {
        handlers_.frame(gateway::BinaryFrame{base::to_bytes(bytes)});
      }
    }
    buffer_.consume(buffer_.size());
    if (state_ != State::kEnded) read();
  }

  void control_frame(websocket::frame_type type, base::Bytes payload) {
    // Later: Beast writes its pong after this call, and an error must follow the pong.
    asio::post(socket_.get_executor(),
               [self = shared_from_this(), type, payload = std::move(payload)] {
                 if (self->state_ != State::kOpen) return;
                 if (type == websocket::frame_type::ping && self->handlers_.ping) {
                   self->handlers_.ping();
                 } else if (type == websocket::frame_type::pong && self->handlers_.pong) {
                   self->handlers_.pong(payload);
                 }
               });
  }

  void write() {
    writing_ = true;
    const gateway::LinkFrame& frame = queue_.front();
    socket_.text(std::holds_alternative<gateway::TextFrame>(frame));
    socket_.async_write(
        buffer_of(frame),
        [self = shared_from_this()](error_code error, std::size_t) { self->written(error); });
  }

  void written(error_code error) {
    writing_ = false;
    queued_bytes_ -= size_of(queue_.front());
    queue_.pop_front();
    if (state_ == State::kEnded) return;
    if (error) return end();
    if (!queue_.empty()) {
      write();
    } else if (state_ == State::kClosing) {
      linger();
    }
  }

  /// Says goodbye on the TCP level and waits for the client to do the same.
  void linger() {
    shutdown_send_quietly(tcp());
    timer_.expires_after(kLinger);
    timer_.async_wait([self = shared_from_this()](error_code error) {
      if (!error && self->state_ != State::kEnded) self->end();
    });
  }

  void end() {
    if (state_ == State::kEnded) return;
    state_ = State::kEnded;
    shut();
    // Never from within a call of the owner.
    asio::post(socket_.get_executor(), [self = shared_from_this()] {
      const auto handlers = std::exchange(self->handlers_, {});
      if (handlers.closed) handlers.closed();
    });
  }

  void shut() {
    timer_.cancel();
    beast::get_lowest_layer(socket_).close();
  }

  websocket::stream<beast::tcp_stream> socket_;
  asio::steady_timer timer_;
  ClientSocketHandlers handlers_;
  State state_ = State::kUpgrading;
  beast::flat_buffer buffer_;
  std::deque<gateway::LinkFrame> queue_;
  std::size_t queued_bytes_ = 0;
  bool writing_ = false;
  bool pinging_ = false;
};

}  // namespace

std::shared_ptr<ClientSocket> make_client_socket(asio::ip::tcp::socket socket) {
  return std::make_shared<BeastSocket>(std::move(socket));
}

}  // namespace mix::localnet
