// A server's WebSocket: its answer to the handshake, or frames after a good one.
#include "core/websocket/src/sha1.h"
#include "mix/base/encoding.h"
#include "mix/websocket/connection.h"
#include "support/target.h"
#include "tests/support/stream_pair.h"

using namespace mix;

namespace {

/// The head that a good server answers with.
std::string good_answer(net::Stream& server, std::string_view extensions) {
  base::Bytes buffer(4096);
  buffer.resize(server.read(buffer));
  const std::string request = base::to_string(buffer);
  constexpr std::string_view kName = "Sec-WebSocket-Key: ";
  const std::size_t begin = request.find(kName) + kName.size();
  const std::string key = request.substr(begin, request.find("\r\n", begin) - begin);
  const auto digest = websocket::sha1(base::as_bytes(key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"));
  return "HTTP/1.1 101 x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: " +
         base::base64_encode(digest) + "\r\n" + std::string{extensions} + "\r\n";
}

}  // namespace

MIX_FUZZ(websocket) {
  fuzz::Parts parts(input);
  const std::uint8_t how = parts.u8();
  test::StreamPair pair;
  const auto stream = pair.take_client();
  fuzz::FixedRng rng;
  websocket::Config config;
  config.max_message_size = 64 * 1024;
  websocket::HandshakeRequest request;
  request.authority = "a.example";
  request.protocols = {"p"};
  base::TimePoint now{};
  websocket::Connection connection(*stream, request, config, rng, now);
  (void)connection.advance(now);
  if ((how & 1) != 0) {
    pair.to_client().inject(base::as_bytes(good_answer(
        pair.server(), (how & 2) != 0 ? "Sec-WebSocket-Extensions: permessage-deflate\r\n" : "")));
  }
  std::size_t closes = 0;
  const auto turn = [&] {
    while (connection.advance(now)) {
      while (auto event = connection.poll_event()) {
        fuzz::require(closes == 0 || !std::holds_alternative<websocket::Message>(*event),
                      "a message after the end");
        if (const auto* message = std::get_if<websocket::Message>(&*event)) {
          fuzz::require(message->bytes.size() <= config.max_message_size, "too large a message");
          fuzz::require(
              message->kind != websocket::MessageKind::kText || base::is_utf8(message->bytes),
              "text that is no UTF-8");
          if ((how & 4) != 0) connection.consumed(message->bytes.size());
          (void)connection.send(message->kind, message->bytes);
        }
        if (std::holds_alternative<websocket::Closed>(*event)) ++closes;
      }
    }
    base::Bytes sink(64 * 1024);
    while (pair.server().read(sink) > 0) {
    }
  };
  turn();
  while (!parts.empty()) {
    pair.to_client().inject(parts.take((how & 8) != 0 ? 1 : 1 + how));
    now += std::chrono::milliseconds{how};
    turn();
  }
  pair.server().shutdown();
  turn();
  now += std::chrono::minutes{5};
  turn();
  fuzz::require(closes == 1 || ((how & 1) != 0 && closes <= 1), "no end, or two");
}
