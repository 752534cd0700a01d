// HTTP/2 against a server made of nghttp2's other side, and against frames written by hand.
#include "mix/http/http2.h"

#include <gtest/gtest.h>
#include <nghttp2/nghttp2.h>

#include <map>

#include "support/http2_server.h"
#include "support/stream_pair.h"

namespace mix::http {
namespace {

using base::Bytes;
using base::ByteView;
using base::Errc;
using test::StreamPair;
using Server = test::Http2Server;

constexpr std::size_t kAll = 1 << 20;

struct Outcome {
  std::optional<ResponseHead> head;
  std::string body;
  std::optional<ResponseEnd> end;
  std::optional<base::Error> error;
};

void step(Exchange& exchange, Outcome& out, std::size_t room = kAll) {
  if (auto result = exchange.advance(room); !result) out.error = result.error();
  while (auto event = exchange.poll_event()) {
    if (auto* head = std::get_if<ResponseHead>(&*event)) {
      EXPECT_FALSE(out.head.has_value());
      out.head = std::move(*head);
    } else if (auto* chunk = std::get_if<BodyChunk>(&*event)) {
      out.body += base::as_text(chunk->bytes);
    } else {
      out.end = std::get<ResponseEnd>(*event);
    }
  }
}

Request request_to(std::string_view url, std::string method = "GET") {
  Request request;
  request.method = std::move(method);
  request.url = Url::parse(url).value();
  return request;
}

class Http2 : public testing::Test {
 protected:
  Http2() {
    pair.each([](test::Pipe& pipe) { pipe.capacity = 64 * kAll; });
  }

  void turn() {
    for (int i = 0; i < 4; ++i) {
      (void)connection.advance(base::TimePoint{});
      server.turn();
    }
    (void)connection.advance(base::TimePoint{});
  }

  StreamPair pair;
  Http2Connection connection{pair.take_client(), Limits{}};
  Server server{pair.server()};
};

TEST_F(Http2, CarriesRequestAndResponse) {
  Request request = request_to("https://example.test:8443/a?b#c", "POST");
  request.headers = {{"X-Own", " v "}, {"Connection", "x"}, {"Host", "other.test"}, {"TE", "x"}};
  request.body = base::to_bytes(base::as_bytes("sent"));
  const auto exchange = connection.open(std::move(request));
  turn();
  const test::Http2Served& served = server.served[1];
  EXPECT_EQ(served.body, "sent");
  EXPECT_TRUE(served.ended);
  EXPECT_EQ(served.fields, (std::map<std::string, std::string>{{":method", "POST"},
                                                               {":scheme", "https"},
                                                               {":authority", "other.test"},
                                                               {":path", "/a?b"},
                                                               {"x-own", "v"},
                                                               {"content-length", "4"}}));
  EXPECT_EQ(exchange->body_sent(), 4U);
  EXPECT_FALSE(exchange->response_started());
  server.respond(1, {{":status", "200"}, {"x-a", "1"}, {"x-a", "2"}}, "received");
  turn();
  Outcome out;
  step(*exchange, out);
  ASSERT_TRUE(out.head && out.end);
  EXPECT_EQ(out.head->status, 200);
  EXPECT_EQ(out.head->headers, (HeaderList{{"x-a", "1"}, {"x-a", "2"}}));
  EXPECT_EQ(out.body, "received");
  EXPECT_EQ(connection.active(), 0U);
}

TEST_F(Http2, MultiplexesInAnyOrder) {
  std::vector<std::unique_ptr<Exchange>> exchanges;
  for (int i = 0; i < 50; ++i) exchanges.push_back(connection.open(request_to("https://a/")));
  turn();
  ASSERT_EQ(server.served.size(), 50U);
  for (int i = 49; i >= 0; --i) {
    server.respond(2 * i + 1, {{":status", "200"}}, std::to_string(i));
  }
  turn();
  for (int i = 0; i < 50; ++i) {
    Outcome out;
    step(*exchanges[static_cast<std::size_t>(i)], out);
    EXPECT_EQ(out.body, std::to_string(i));
    EXPECT_TRUE(out.end.has_value());
  }
}

TEST_F(Http2, SlowReaderStopsItsOwnStreamOnly) {
  const auto slow = connection.open(request_to("https://a/slow"));
  const auto quick = connection.open(request_to("https://a/quick"));
  turn();
  const std::string large(2'000'000, 'x');
  server.respond(1, {{":status", "200"}}, large);
  server.respond(3, {{":status", "200"}}, large);
  Outcome quick_out, slow_out;
  for (int i = 0; i < 100 && !quick_out.end; ++i) {
    turn();
    step(*quick, quick_out);
    step(*slow, slow_out, 0);
  }
  EXPECT_EQ(quick_out.body.size(), large.size());
  EXPECT_EQ(slow_out.body, "");
  // What waits for the slow one is its window.
  EXPECT_EQ(server.served[1].offset, 512U * 1024);
  for (int i = 0; i < 100 && !slow_out.end; ++i) {
    turn();
    step(*slow, slow_out, 100'000);
  }
  EXPECT_EQ(slow_out.body.size(), large.size());
}

TEST_F(Http2, StreamsABodyAsTheServerTakesIt) {
  Request request = request_to("https://a/", "PUT");
  request.streamed = StreamedBody{};
  const auto exchange = connection.open(std::move(request));
  turn();
  EXPECT_FALSE(server.served[1].fields.contains("content-length"));
  EXPECT_FALSE(server.served[1].ended);
  std::size_t given = 0;
  // The server's window is 64 KiB and it opens it as it reads.
  for (int i = 0; i < 200 && given < 1'000'000; ++i) {
    const std::size_t room = exchange->body_room();
    ASSERT_TRUE(exchange->send_body(Bytes(room, 'u')).has_value());
    given += room;
    turn();
  }
  ASSERT_TRUE(exchange->end_body().has_value());
  EXPECT_EQ(exchange->body_room(), 0U);
  turn();
  EXPECT_TRUE(server.served[1].ended);
  EXPECT_EQ(server.served[1].body.size(), given);
  EXPECT_EQ(exchange->body_sent(), given);
}

TEST_F(Http2, SkipsInterimHeadsAndTrailers) {
  const auto exchange = connection.open(request_to("https://a/"));
  turn();
  const std::string status = ":status", early = "103", trailer = "x-trailer", value = "t";
  const nghttp2_nv hint = Server::field(status, early);
  nghttp2_submit_headers(server.session, NGHTTP2_FLAG_NONE, 1, nullptr, &hint, 1, nullptr);
  server.respond(1, {{":status", "200"}}, "x");
  turn();
  Outcome out;
  step(*exchange, out);
  EXPECT_EQ(out.head->status, 200);
  EXPECT_EQ(out.head->headers, HeaderList{});
}

TEST_F(Http2, TellsHowAStreamWasReset) {
  const std::pair<std::uint32_t, Errc> kinds[] = {
      {NGHTTP2_REFUSED_STREAM, Errc::http2_refused},
      {NGHTTP2_HTTP_1_1_REQUIRED, Errc::http2_wants_http1},
      {NGHTTP2_NO_ERROR, Errc::http_truncated},
      {NGHTTP2_INTERNAL_ERROR, Errc::http2_stream_reset}};
  std::int32_t id = 1;
  for (const auto& [code, expected] : kinds) {
    const auto exchange = connection.open(request_to("https://a/"));
    turn();
    nghttp2_submit_rst_stream(server.session, NGHTTP2_FLAG_NONE, id, code);
    turn();
    Outcome out;
    step(*exchange, out);
    ASSERT_TRUE(out.error.has_value()) << code;
    EXPECT_EQ(out.error->code, expected);
    EXPECT_TRUE(connection.accepts());
    id += 2;
  }
}

TEST_F(Http2, GoAwayLetsRunningExchangesEndAndRefusesLaterOnes) {
  const auto first = connection.open(request_to("https://a/1"));
  turn();
  const auto late = connection.open(request_to("https://a/2"));
  nghttp2_submit_goaway(server.session, NGHTTP2_FLAG_NONE, 1, NGHTTP2_NO_ERROR, nullptr, 0);
  server.turn();
  turn();
  EXPECT_FALSE(connection.accepts());
  Outcome refused;
  step(*late, refused);
  ASSERT_TRUE(refused.error.has_value());
  EXPECT_EQ(refused.error->code, Errc::http2_refused);
  server.respond(1, {{":status", "200"}}, "in time");
  turn();
  Outcome out;
  step(*first, out);
  EXPECT_EQ(out.body, "in time");
  EXPECT_TRUE(out.end.has_value());
}

TEST_F(Http2, LosesAllExchangesWithTheConnection) {
  const auto exchange = connection.open(request_to("https://a/"));
  turn();
  pair.server().abort();
  (void)connection.advance(base::TimePoint{});
  Outcome out;
  step(*exchange, out);
  ASSERT_TRUE(out.error.has_value());
  EXPECT_EQ(out.error->code, Errc::net_connection_reset);
  EXPECT_TRUE(connection.finished());
  Outcome later;
  step(*connection.open(request_to("https://a/")), later);
  EXPECT_TRUE(later.error.has_value());
}

TEST_F(Http2, ResetsTheStreamOfADroppedExchange) {
  auto exchange = connection.open(request_to("https://a/"));
  turn();
  exchange.reset();
  turn();
  EXPECT_EQ(server.resets.at(1), static_cast<std::uint32_t>(NGHTTP2_CANCEL));
  EXPECT_EQ(connection.active(), 0U);
}

TEST_F(Http2, ExchangesMayOutliveTheConnection) {
  std::unique_ptr<Exchange> exchange;
  {
    StreamPair other;
    Http2Connection gone{other.take_client(), Limits{}};
    exchange = gone.open(request_to("https://a/"));
  }
  Outcome out;
  step(*exchange, out);
  EXPECT_TRUE(out.error.has_value());
}

TEST_F(Http2, RefusesABodyThatIsNotAsLongAsStated) {
  const auto exchange = connection.open(request_to("https://a/"));
  turn();
  server.respond(1, {{":status", "200"}, {"content-length", "10"}}, "short");
  turn();
  Outcome out;
  for (int i = 0; i < 3; ++i) step(*exchange, out);
  ASSERT_TRUE(out.error.has_value());
  EXPECT_EQ(out.error->code, Errc::http_truncated);
}

TEST_F(Http2, LimitsHeads) {
  const auto exchange = connection.open(request_to("https://a/"));
  turn();
  std::vector<std::pair<std::string, std::string>> fields = {{":status", "200"}};
  for (int i = 0; i < 300; ++i) fields.emplace_back("x-" + std::to_string(i), "v");
  server.respond(1, fields, "");
  turn();
  Outcome out;
  step(*exchange, out);
  ASSERT_TRUE(out.error.has_value());
  EXPECT_EQ(out.error->code, Errc::http_head_too_large);
  EXPECT_TRUE(connection.accepts());
}

TEST_F(Http2, WaitsWhenTheServerAllowsFewStreams) {
  StreamPair other;
  other.each([](test::Pipe& pipe) { pipe.capacity = kAll; });
  Server strict{other.server(), 1};
  Http2Connection narrow{other.take_client(), Limits{}};
  const auto turns = [&] {
    for (int i = 0; i < 4; ++i) {
      (void)narrow.advance(base::TimePoint{});
      strict.turn();
    }
    (void)narrow.advance(base::TimePoint{});
  };
  turns();
  const auto first = narrow.open(request_to("https://a/1"));
  EXPECT_FALSE(narrow.accepts());
  const auto second = narrow.open(request_to("https://a/2"));
  turns();
  EXPECT_EQ(strict.served.size(), 1U);
  strict.respond(1, {{":status", "200"}}, "1");
  turns();
  EXPECT_EQ(strict.served.size(), 2U);
}

TEST(Http2Frames, WhatIsNoHttp2BreaksTheConnection) {
  const std::string_view kinds[] = {
      "HTTP/1.1 400 Bad Request\r\n\r\n this is not a frame at all and long enough to see it",
      std::string_view{"\xFF\xFF\xFF\x04\x00\x00\x00\x00\x00", 9},    // an oversized frame
      std::string_view{"\x00\x00\x01\x00\x00\x00\x00\x00\x00x", 10},  // DATA on stream 0
  };
  for (const std::string_view bytes : kinds) {
    StreamPair pair;
    Http2Connection connection{pair.take_client(), Limits{}};
    const auto exchange = connection.open(request_to("https://a/"));
    pair.to_client().inject(base::as_bytes(bytes));
    for (int i = 0; i < 3; ++i) (void)connection.advance(base::TimePoint{});
    Outcome out;
    step(*exchange, out);
    EXPECT_TRUE(connection.finished() || !connection.accepts());
    if (!out.error) {
      pair.to_client().ended = true;
      (void)connection.advance(base::TimePoint{});
      step(*exchange, out);
    }
    ASSERT_TRUE(out.error.has_value());
  }
}

}  // namespace
}  // namespace mix::http
