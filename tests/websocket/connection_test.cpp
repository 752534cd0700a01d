// The connection against a hand-made server, on virtual time.
#include "mix/websocket/connection.h"

#include "../../core/websocket/src/sha1.h"
#include "server.h"

namespace mix::websocket {

using namespace std::chrono_literals;
using base::Bytes;
using base::Errc;

std::string ConnectionTest::accept_of(const std::string& key) {
  return base::base64_encode(sha1(base::as_bytes(key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11")));
}

namespace {

TEST(Sha1, AgreesWithFips180) {
  EXPECT_EQ(base::hex_encode(sha1(base::as_bytes("abc"))),
            "a9993e364706816aba3e25717850c26c9cd0d89d");
  EXPECT_EQ(base::hex_encode(
                sha1(base::as_bytes("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"))),
            "84983e441c3bd26ebaae4aa1f95129e5e54670f1");
  // RFC 6455 §1.3
  EXPECT_EQ(base::base64_encode(sha1(
                base::as_bytes("dGhlIHNhbXBsZSBub25jZQ==258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))),
            "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
}

// --- Handshake ----------------------------------------------------------------------------------

TEST_F(ConnectionTest, AsksForTheUpgrade) {
  HandshakeRequest request;
  request.path = "/chat?x=1";
  request.protocols = {"a", "b"};
  request.headers = {{"X-Token", "t"}};
  request.origin = "https://page.example";
  start(request);
  const std::string text = take_request();
  EXPECT_TRUE(text.starts_with("GET /chat?x=1 HTTP/1.1\r\nHost: echo.example\r\n"));
  EXPECT_EQ(header_of(text, "Sec-WebSocket-Version"), "13");
  EXPECT_EQ(header_of(text, "Sec-WebSocket-Protocol"), "a, b");
  EXPECT_EQ(header_of(text, "Origin"), "https://page.example");
  EXPECT_EQ(header_of(text, "X-Token"), "t");
  EXPECT_EQ(header_of(text, "Sec-WebSocket-Extensions"),
            "permessage-deflate; client_max_window_bits");
  EXPECT_EQ(base::base64_decode(header_of(text, "Sec-WebSocket-Key")).value().size(), 16U);
  EXPECT_EQ(header_of(text, "User-Agent"), "");
}

TEST_F(ConnectionTest, ReadsTheAnswerByteByByteAndKeepsWhatFollows) {
  start();
  const std::string key = header_of(take_request(), "Sec-WebSocket-Key");
  const std::string answer =
      "HTTP/1.1 101 Switching Protocols\r\nUpgrade: WebSocket\r\nConnection: keep-alive, "
      "Upgrade\r\n"
      "Sec-WebSocket-Accept: " +
      accept_of(key) + "\r\n\r\n";
  for (const char& c : answer) {
    EXPECT_TRUE(events.empty());
    serve(std::string(1, c));
    if (&c == &answer.back()) serve(frame(0x81, "hi"));
    advance();
  }
  ASSERT_EQ(events.size(), 2U);
  EXPECT_TRUE(std::holds_alternative<Opened>(events[0]));
  EXPECT_EQ(base::to_string(std::get<Message>(events[1]).bytes), "hi");
}

TEST_F(ConnectionTest, RefusesWrongAnswers) {
  const std::string good = "HTTP/1.1 101 x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n";
  const std::vector<std::string> answers{
      "HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n",
      "HTTP/1.1 302 Found\r\nLocation: /x\r\n\r\n",
      "nonsense\r\n\r\n",
      good + "\r\n",
      good + "Sec-WebSocket-Accept: AAAA\r\n\r\n",
      "HTTP/1.1 101 x\r\nUpgrade: h2c\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: KEY\r\n\r\n",
      good + "Sec-WebSocket-Accept: KEY\r\nSec-WebSocket-Protocol: unasked\r\n\r\n",
      good + "Sec-WebSocket-Accept: KEY\r\nSec-WebSocket-Extensions: x-unknown\r\n\r\n",
      good +
          "Sec-WebSocket-Accept: KEY\r\nSec-WebSocket-Extensions: permessage-deflate; "
          "server_max_window_bits=16\r\n\r\n",
  };
  for (std::string answer : answers) {
    pair = test::StreamPair{};
    events.clear();
    start();
    const std::string key = header_of(take_request(), "Sec-WebSocket-Key");
    if (const auto at = answer.find("KEY"); at != std::string::npos) {
      answer.replace(at, 3, accept_of(key));
    }
    serve(answer);
    advance();
    ASSERT_EQ(events.size(), 1U) << answer;
    const auto& closed = last<Closed>();
    EXPECT_EQ(closed.code, 1006);
    EXPECT_FALSE(closed.was_clean);
    EXPECT_EQ(closed.error.value().code, Errc::ws_bad_handshake) << answer;
    EXPECT_TRUE(connection->done());
  }
}

TEST_F(ConnectionTest, GivesUpAHandshakeAfterItsTime) {
  start();
  EXPECT_EQ(connection->next_deadline(), base::Deadline{clock.now() + 60s});
  pass(60s);
  EXPECT_EQ(last<Closed>().error.value().code, Errc::ws_handshake_timeout);
}

TEST(Handshake, RefusesWhatCouldSplitTheRequest) {
  HandshakeRequest request;
  request.protocols = {"a", "a"};
  EXPECT_EQ(validate(request).error().code, Errc::ws_bad_option);
  request.protocols = {"a b"};
  EXPECT_EQ(validate(request).error().code, Errc::ws_bad_option);
  request.protocols.clear();
  for (const auto& [name, value] : std::vector<std::pair<std::string, std::string>>{
           {"X", "a\r\nb"}, {"bad name", "x"}, {"Upgrade", "x"}, {"sec-websocket-key", "x"}}) {
    request.headers = {{name, value}};
    EXPECT_EQ(validate(request).error().code, Errc::usage_bad_header) << name;
  }
}

// --- Messages -----------------------------------------------------------------------------------

TEST_F(ConnectionTest, SendsMaskedFramesOfEverySize) {
  start();
  open();
  for (const std::size_t size : {0U, 1U, 125U, 126U, 65535U, 65536U}) {
    ASSERT_TRUE(connection->send(MessageKind::kBinary, Bytes(size, 7)));
    pair.to_server().capacity = 1 << 20;
    advance();
    const auto frames = take_frames();
    ASSERT_EQ(frames.size(), 1U);
    EXPECT_EQ(frames[0].first, 0x82);
    EXPECT_EQ(frames[0].payload, Bytes(size, 7));
    EXPECT_EQ(last<Sent>().size, size);
  }
}

TEST_F(ConnectionTest, LetsPongsPassBetweenThePiecesOfALargeMessage) {
  start();
  open();
  pair.to_server().capacity = 100 * 1024;  // less than one piece
  ASSERT_TRUE(connection->send(MessageKind::kBinary, Bytes(200 * 1024, 1)));
  advance();
  serve(frame(0x89, "ping"));
  advance();
  Bytes all;
  for (int i = 0; i < 4; ++i) {
    Bytes piece(100 * 1024);
    piece.resize(pair.server().read(piece));
    base::append(all, piece);
    advance();
  }
  pair.to_server().inject(all);
  const auto frames = take_frames();
  ASSERT_EQ(frames.size(), 3U);
  EXPECT_EQ(frames[0].first, 0x02);
  EXPECT_EQ(frames[1].first, 0x8a);
  EXPECT_EQ(frames[2].first, 0x80);
}

TEST_F(ConnectionTest, PutsFragmentsTogetherAndAnswersPings) {
  start();
  open();
  serve(frame(0x01, "a"));
  serve(frame(0x89, "p"));
  serve(frame(0x00, "b"));
  serve(frame(0x80, "c"));
  advance();
  EXPECT_EQ(base::to_string(last<Message>().bytes), "abc");
  const auto frames = take_frames();
  ASSERT_EQ(frames.size(), 1U);
  EXPECT_EQ(frames[0].first, 0x8a);
  EXPECT_EQ(base::to_string(frames[0].payload), "p");
}

struct Fault {
  const char* name;
  Bytes bytes;
  Errc code;
  std::uint16_t told;
};

TEST_F(ConnectionTest, TellsTheServerItsFault) {
  const std::vector<Fault> faults{
      {"reserved bit", {0xa1, 0x00}, Errc::ws_protocol, 1002},
      {"compressed though not agreed", {0xc1, 0x00}, Errc::ws_protocol, 1002},
      {"reserved opcode", {0x83, 0x00}, Errc::ws_protocol, 1002},
      {"reserved control", {0x8b, 0x00}, Errc::ws_protocol, 1002},
      {"masked", {0x81, 0x81, 1, 2, 3, 4, 5}, Errc::ws_protocol, 1002},
      {"fragmented ping", {0x09, 0x00}, Errc::ws_protocol, 1002},
      {"long ping", {0x89, 0x7e, 0x00, 0x7e}, Errc::ws_protocol, 1002},
      {"continuation of nothing", {0x80, 0x00}, Errc::ws_protocol, 1002},
      {"message within a message", {0x01, 0x00, 0x81, 0x00}, Errc::ws_protocol, 1002},
      {"impossible size", {0x82, 0x7f, 0x80, 0, 0, 0, 0, 0, 0, 0}, Errc::ws_protocol, 1002},
      {"too big", {0x82, 0x7f, 0, 0, 0, 1, 0, 0, 0, 0}, Errc::ws_message_too_big, 1009},
      {"bad UTF-8", {0x81, 0x02, 0xc3, 0x28}, Errc::ws_bad_utf8, 1007},
      {"bad UTF-8, at its first byte", {0x01, 0x05, 0xff}, Errc::ws_bad_utf8, 1007},
      {"surrogate", {0x81, 0x03, 0xed, 0xa0, 0x80}, Errc::ws_bad_utf8, 1007},
      {"text that is cut off", {0x81, 0x01, 0xc3}, Errc::ws_bad_utf8, 1007},
      {"close with one byte", {0x88, 0x01, 0x03}, Errc::ws_protocol, 1002},
      {"close with code 1005", {0x88, 0x02, 0x03, 0xed}, Errc::ws_protocol, 1002},
      {"close with bad reason", {0x88, 0x03, 0x03, 0xe8, 0xff}, Errc::ws_bad_utf8, 1007},
  };
  for (const Fault& fault : faults) {
    pair = test::StreamPair{};
    events.clear();
    start();
    open();
    serve(fault.bytes);
    advance();
    ASSERT_EQ(num_closed(), 1U) << fault.name;
    EXPECT_EQ(last<Closed>().code, 1006) << fault.name;
    EXPECT_EQ(last<Closed>().error.value().code, fault.code) << fault.name;
    const auto frames = take_frames();
    ASSERT_EQ(frames.size(), 1U) << fault.name;
    EXPECT_EQ(frames[0].first, 0x88);
    EXPECT_EQ(frames[0].payload, (Bytes{static_cast<std::uint8_t>(fault.told >> 8),
                                        static_cast<std::uint8_t>(fault.told & 0xff)}));
    pair.server().shutdown();
    advance();
    EXPECT_TRUE(connection->done());
    EXPECT_EQ(num_closed(), 1U);
  }
}

TEST_F(ConnectionTest, LetsWhatCameBeforeAFaultBeAnswered) {
  start();
  open();
  base::Bytes bytes = frame(0x81, "fine");
  base::append(bytes, Bytes{0x83, 0x00});
  base::append(bytes, frame(0x89, "too late"));
  serve(bytes);
  ASSERT_TRUE(connection->advance(clock.now()));
  const auto message = connection->poll_event();
  ASSERT_TRUE(message && std::holds_alternative<Message>(*message));
  ASSERT_TRUE(connection->send(MessageKind::kText, base::as_bytes("answer")));
  EXPECT_EQ(connection->next_deadline(), base::Deadline{clock.now()});
  advance();
  EXPECT_EQ(last<Closed>().error.value().code, Errc::ws_protocol);
  const auto frames = take_frames();
  ASSERT_EQ(frames.size(), 2U);
  EXPECT_EQ(base::to_string(frames[0].payload), "answer");
  EXPECT_EQ(frames[1].first, 0x88);
}

TEST_F(ConnectionTest, SurvivesEveryBytePrefixAndRandomBytes) {
  for (int round = 0; round < 300; ++round) {
    pair = test::StreamPair{};
    events.clear();
    start();
    open("Sec-WebSocket-Extensions: permessage-deflate\r\n");
    Bytes noise(static_cast<std::size_t>(rng.uniform(200)) + 1);
    rng.fill(noise);
    if (round % 3 == 0) noise[0] = 0xc1;
    for (const std::uint8_t byte : noise) {
      serve(Bytes{byte});
      advance();
    }
    pair.server().shutdown();
    advance();
    EXPECT_EQ(num_closed(), 1U);
  }
}

// --- Compression --------------------------------------------------------------------------------

TEST_F(ConnectionTest, InflatesWhatTheRfcShows) {
  start();
  open("Sec-WebSocket-Extensions: permessage-deflate\r\n");
  const Bytes hello{0xc1, 0x07, 0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00};  // RFC 7692 §7.2.3.1
  serve(hello);
  advance();
  EXPECT_EQ(base::to_string(last<Message>().bytes), "Hello");
  serve(Bytes{0xc1, 0x05, 0xf2, 0x00, 0x11, 0x00, 0x00});  // §7.2.3.2, with the kept window
  advance();
  EXPECT_EQ(base::to_string(last<Message>().bytes), "Hello");
  serve(Bytes{0x41, 0x03, 0xf2, 0x48, 0xcd, 0x80, 0x04, 0xc9, 0xc9, 0x07, 0x00});  // in two frames
  advance();
  EXPECT_EQ(base::to_string(last<Message>().bytes), "Hello");
  EXPECT_EQ(num_closed(), 0U);
}

TEST_F(ConnectionTest, BoundsWhatInflatingMakes) {
  Config config;
  config.max_message_size = 1000;
  start({}, config);
  open("Sec-WebSocket-Extensions: permessage-deflate\r\n");
  // A run of one letter: 1,029 bytes out of few.
  ASSERT_TRUE(connection->send(MessageKind::kText, Bytes(5000, 'a')));
  advance();
  auto frames = take_frames();
  ASSERT_EQ(frames.size(), 1U);
  EXPECT_EQ(frames[0].first, 0xc1);
  ASSERT_LT(frames[0].payload.size(), 100U);
  serve(frame(0xc1, base::to_string(frames[0].payload)));
  advance();
  EXPECT_EQ(last<Closed>().error.value().code, Errc::ws_message_too_big);
}

TEST_F(ConnectionTest, CompressesSoThatItsOwnInflaterReadsIt) {
  for (const char* terms : {"", "; client_no_context_takeover; server_no_context_takeover",
                            "; client_max_window_bits=9; server_max_window_bits=15"}) {
    pair = test::StreamPair{};
    events.clear();
    start();
    open(std::string{"Sec-WebSocket-Extensions: permessage-deflate"} + terms + "\r\n");
    for (int i = 0; i < 3; ++i) {
      const std::string text = "the same words again and again, the same words " +
                               std::string(static_cast<std::size_t>(i) * 40, 'x');
      ASSERT_TRUE(connection->send(MessageKind::kText, base::as_bytes(text)));
      advance();
      const auto frames = take_frames();
      ASSERT_EQ(frames.size(), 1U);
      if (frames[0].first != 0xc1) continue;  // too short to be worth it
      serve(frame(0xc1, base::to_string(frames[0].payload)));
      advance();
      EXPECT_EQ(base::to_string(last<Message>().bytes), text) << terms;
    }
    EXPECT_EQ(num_closed(), 0U);
  }
}

// --- Back-pressure ------------------------------------------------------------------------------

TEST_F(ConnectionTest, StopsReadingUntilTheReaderTakes) {
  start();
  open();
  pair.to_client().capacity = 8 << 20;
  Bytes message{0x82, 0x7f, 0, 0, 0, 0, 0, 0x10, 0, 0};  // 1 MiB
  message.resize(10 + (1 << 20));
  serve(message);
  Bytes more{0x82, 0x7e, 0xff, 0xff};
  more.resize(4 + 0xffff);
  serve(more);
  serve(frame(0x81, "after"));
  advance();
  ASSERT_EQ(events.size(), 2U);
  EXPECT_GT(stream->readable(), 0U);
  pass(61s);  // silence is ours: the connection is not lost
  EXPECT_EQ(num_closed(), 0U);
  connection->consumed(1 << 20);
  advance();
  ASSERT_EQ(events.size(), 4U);
  EXPECT_EQ(base::to_string(last<Message>().bytes), "after");
}

TEST_F(ConnectionTest, StopsReadingEmptyMessagesToo) {
  start();
  open();
  constexpr std::size_t kMany = 100'000;
  pair.to_client().capacity = 1 << 20;
  Bytes flood;
  for (std::size_t i = 0; i < kMany; ++i) base::append(flood, frame(0x82, ""));
  serve(flood);
  advance();
  const std::size_t held = events.size();
  EXPECT_GE(held, kMaxUnread);
  EXPECT_LE(held, kMaxUnread + kReadSize);                         // what one read brought
  for (std::size_t i = 1; i < held; ++i) connection->consumed(0);  // all but Opened
  advance();
  EXPECT_GT(events.size(), held);
  EXPECT_EQ(num_closed(), 0U);
}

// --- The end ------------------------------------------------------------------------------------

TEST_F(ConnectionTest, ClosesInOrder) {
  start();
  open();
  ASSERT_TRUE(connection->send(MessageKind::kText, base::as_bytes("last")));
  ASSERT_TRUE(connection->close(3000, "bye"));
  ASSERT_TRUE(connection->close(3001, "again"));  // ignored
  advance();
  const auto frames = take_frames();
  ASSERT_EQ(frames.size(), 2U);
  EXPECT_EQ(base::to_string(frames[0].payload), "last");
  EXPECT_EQ(frames[1].payload, (Bytes{0x0b, 0xb8, 'b', 'y', 'e'}));
  serve(frame(0x81, "too late"));
  serve(Bytes{0x88, 0x02, 0x0b, 0xb8});
  advance();
  EXPECT_EQ(num_closed(), 1U);
  const auto& closed = last<Closed>();
  EXPECT_EQ(closed.code, 3000);
  EXPECT_TRUE(closed.was_clean);
  EXPECT_FALSE(closed.error);
  EXPECT_FALSE(connection->done());
  pair.server().shutdown();
  advance();
  EXPECT_TRUE(connection->done());
}

TEST_F(ConnectionTest, EchoesTheServersCloseAndWaitsForItsEnd) {
  start();
  open();
  serve(Bytes{0x88, 0x00});
  advance();
  EXPECT_EQ(last<Closed>().code, 1005);
  EXPECT_TRUE(last<Closed>().was_clean);
  const auto frames = take_frames();
  ASSERT_EQ(frames.size(), 1U);
  EXPECT_EQ(frames[0].first, 0x88);
  EXPECT_TRUE(frames[0].payload.empty());
  EXPECT_EQ(connection->next_deadline(), base::Deadline{clock.now() + 10s});
  pass(10s);
  EXPECT_TRUE(connection->done());
  EXPECT_EQ(num_closed(), 1U);
}

TEST_F(ConnectionTest, DropsAServerThatDoesNotAnswerTheClose) {
  start();
  open();
  ASSERT_TRUE(connection->close(1000, ""));
  advance();
  pass(10s);
  EXPECT_EQ(last<Closed>().code, 1006);
  EXPECT_FALSE(last<Closed>().was_clean);
  EXPECT_TRUE(connection->done());
}

TEST_F(ConnectionTest, NoticesLostStreams) {
  start();
  open();
  pair.fail_client(base::Error{Errc::net_connection_reset});
  advance();
  EXPECT_EQ(last<Closed>().code, 1006);
  EXPECT_EQ(last<Closed>().error.value().code, Errc::net_connection_reset);
}

TEST_F(ConnectionTest, NoticesAnEndWithoutClose) {
  start();
  open();
  pair.server().shutdown();
  advance();
  EXPECT_EQ(last<Closed>().error.value().code, Errc::ws_connection_lost);
}

TEST_F(ConnectionTest, PingsAnIdleServerAndGivesUpOnASilentOne) {
  start();
  open();
  pass(30s);
  auto frames = take_frames();
  ASSERT_EQ(frames.size(), 1U);
  EXPECT_EQ(frames[0].first, 0x89);
  serve(Bytes{0x8a, 0x00});
  advance();
  pass(30s);
  EXPECT_EQ(take_frames().size(), 1U);
  pass(30s);
  EXPECT_EQ(last<Closed>().error.value().code, Errc::ws_connection_lost);
}

TEST_F(ConnectionTest, RefusesCodesAndReasonsThatCallersMayNotUse) {
  start();
  open();
  EXPECT_FALSE(connection->close(1001, ""));
  EXPECT_FALSE(connection->close(2999, ""));
  EXPECT_FALSE(connection->close(1000, std::string(124, 'x')));
  EXPECT_FALSE(connection->ping(Bytes(126)));
}

}  // namespace
}  // namespace mix::websocket
