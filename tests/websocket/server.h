// A server's end of a WebSocket, by hand, on virtual time: written apart from mix::websocket so
// that both cannot share a mistake.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "mix/base/encoding.h"
#include "mix/websocket/connection.h"
#include "support/manual_clock.h"
#include "support/seeded_rng.h"
#include "support/stream_pair.h"

namespace mix::websocket {

/// A frame as the client sent it, unmasked.
struct SeenFrame {
  std::uint8_t first = 0;
  base::Bytes payload;
};

class ConnectionTest : public testing::Test {
 protected:
  void start(HandshakeRequest request = {}, const Config& config = {}) {
    request.authority = "echo.example";
    stream = pair.take_client();
    connection =
        std::make_unique<Connection>(*stream, std::move(request), config, rng, clock.now());
    advance();
  }
  void advance() {
    while (connection->advance(clock.now())) {
      while (auto event = connection->poll_event()) events.push_back(std::move(*event));
    }
  }
  void pass(base::Duration time) {
    clock.advance(time);
    advance();
  }
  std::string take_request() {
    base::Bytes buffer(4096);
    buffer.resize(pair.server().read(buffer));
    return base::to_string(buffer);
  }
  static std::string header_of(const std::string& request, const std::string& name) {
    const std::size_t at = request.find(name + ": ");
    if (at == std::string::npos) return "";
    const std::size_t begin = at + name.size() + 2;
    return request.substr(begin, request.find("\r\n", begin) - begin);
  }
  void serve(std::string_view text) { pair.to_client().inject(base::as_bytes(text)); }
  void serve(const base::Bytes& bytes) { pair.to_client().inject(bytes); }
  static base::Bytes frame(std::uint8_t first, std::string_view payload) {
    base::Writer out;
    out.u8(first).u8(static_cast<std::uint8_t>(payload.size())).bytes(base::as_bytes(payload));
    return out.take();
  }
  /// The seeded source makes the key, so its answer is known: see the test of the handshake.
  void open(const std::string& more_headers = "") {
    const std::string key = header_of(take_request(), "Sec-WebSocket-Key");
    serve(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Accept: " +
        accept_of(key) + "\r\n" + more_headers + "\r\n");
    advance();
    ASSERT_EQ(events.size(), 1U);
    ASSERT_TRUE(std::holds_alternative<Opened>(events[0]));
  }
  static std::string accept_of(const std::string& key);
  std::vector<SeenFrame> take_frames() {
    base::Bytes buffer(256 * 1024);
    buffer.resize(pair.server().read(buffer));
    std::vector<SeenFrame> out;
    base::Reader reader(buffer);
    while (!reader.empty()) {
      SeenFrame seen;
      seen.first = reader.u8().value();
      const std::uint8_t second = reader.u8().value();
      EXPECT_TRUE(second & 0x80) << "client frames are masked";
      std::uint64_t size = second & 0x7f;
      if (size == 126) size = reader.u16be().value();
      if (size == 127) size = reader.u64be().value();
      const auto mask = reader.fixed<4>().value();
      seen.payload = base::to_bytes(reader.bytes(static_cast<std::size_t>(size)).value());
      for (std::size_t i = 0; i < seen.payload.size(); ++i) seen.payload[i] ^= mask[i % 4];
      out.push_back(std::move(seen));
    }
    return out;
  }
  template <class T>
  [[nodiscard]] const T& last() const {
    return std::get<T>(events.back());
  }
  [[nodiscard]] std::size_t num_closed() const {
    std::size_t count = 0;
    for (const Event& event : events) count += std::holds_alternative<Closed>(event) ? 1 : 0;
    return count;
  }

  test::ManualClock clock;
  test::SeededRng rng{5};
  test::StreamPair pair;
  std::unique_ptr<net::Stream> stream;
  std::unique_ptr<Connection> connection;
  std::vector<Event> events;
};

}  // namespace mix::websocket
