#include <gtest/gtest.h>

#include "mix/http/http1.h"
#include "support/stream_pair.h"

namespace mix::http {
namespace {

using base::Errc;
using test::Pipe;
using test::StreamPair;

constexpr std::size_t kAll = 1 << 20;

Request get(std::string_view url = "http://example.test/") {
  const auto parsed = Url::parse(url);
  EXPECT_TRUE(parsed.has_value());
  return {"GET", parsed ? *parsed : Url{}, {}, {}};
}

/// What a caller saw of one exchange.
struct Outcome {
  std::optional<ResponseHead> head;
  std::string body;
  std::optional<ResponseEnd> end;
  std::optional<base::Error> error;

  [[nodiscard]] bool complete() const { return end.has_value() && !error; }
  friend bool operator==(const Outcome& a, const Outcome& b) {
    return a.body == b.body && a.error == b.error && a.head.has_value() == b.head.has_value() &&
           a.end.has_value() == b.end.has_value() &&
           (!a.end || a.end->reusable == b.end->reusable) &&
           (!a.head || (a.head->status == b.head->status && a.head->reason == b.head->reason &&
                        a.head->headers == b.head->headers));
  }
};

void drain(Exchange& exchange, Outcome& out) {
  while (auto event = exchange.poll_event()) {
    if (auto* head = std::get_if<ResponseHead>(&*event)) {
      EXPECT_FALSE(out.head) << "two heads";
      out.head = std::move(*head);
    } else if (auto* chunk = std::get_if<BodyChunk>(&*event)) {
      EXPECT_TRUE(out.head && !out.end) << "body out of order";
      out.body += base::as_text(chunk->bytes);
    } else {
      EXPECT_TRUE(out.head && !out.end) << "end out of order";
      out.end = std::get<ResponseEnd>(*event);
    }
  }
}

/// Calls advance until nothing changes; the server's side is under the test's control.
void run(Exchange& exchange, Outcome& out, std::size_t max_body = kAll) {
  for (int i = 0; i < 3; ++i) {
    if (auto result = exchange.advance(max_body); !result) out.error = result.error();
    drain(exchange, out);
  }
}

enum class Ending : std::uint8_t { kStaysOpen, kCloses };

Outcome exchange_of(std::string_view response, Ending ending = Ending::kStaysOpen,
                    Request request = get(), std::size_t piece = kAll, Limits limits = {}) {
  StreamPair pair;
  pair.to_client().capacity = kAll;
  Http1Exchange exchange{pair.client(), std::move(request), limits};
  Outcome out;
  run(exchange, out);
  while (!response.empty()) {
    pair.to_client().inject(base::as_bytes(response.substr(0, piece)));
    response.remove_prefix(std::min(piece, response.size()));
    run(exchange, out);
  }
  if (ending == Ending::kCloses) pair.to_client().ended = true;
  run(exchange, out);
  return out;
}

std::string_view find(const Outcome& out, std::string_view name) {
  static std::string value;
  value = out.head ? find_header(out.head->headers, name).value_or("<none>") : "<no head>";
  return value;
}

// --- Good responses ------------------------------------------------------------------------------

TEST(Exchange, DeliversABodyOfStatedLength) {
  const Outcome out = exchange_of(
      "HTTP/1.1 200 Fine\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n\r\nhello");
  ASSERT_TRUE(out.complete());
  EXPECT_EQ(out.head->status, 200);
  EXPECT_EQ(out.head->reason, "Fine");
  EXPECT_EQ(find(out, "content-type"), "text/plain");
  EXPECT_EQ(out.body, "hello");
  EXPECT_TRUE(out.end->reusable);
}

TEST(Exchange, DeliversAChunkedBodyWithoutExtensionsAndTrailers) {
  const Outcome out = exchange_of(
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
      "5;name=value;q=\"x\"\r\nhello\r\n6\r\n world\r\n0\r\nX-Trailer: 1\r\n\r\n");
  ASSERT_TRUE(out.complete());
  EXPECT_EQ(out.body, "hello world");
  EXPECT_EQ(find(out, "x-trailer"), "<none>");
  EXPECT_TRUE(out.end->reusable);
}

TEST(Exchange, DeliversABodyDelimitedByTheEnd) {
  const Outcome out = exchange_of("HTTP/1.1 200 OK\r\n\r\nuntil the end", Ending::kCloses);
  ASSERT_TRUE(out.complete());
  EXPECT_EQ(out.body, "until the end");
  EXPECT_FALSE(out.end->reusable);
  EXPECT_FALSE(exchange_of("HTTP/1.1 200 OK\r\n\r\nuntil the end").end.has_value());
}

TEST(Exchange, SkipsInterimResponses) {
  const Outcome out = exchange_of(
      "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n"
      "HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 199 Odd\r\nContent-Length: 7\r\n\r\n"
      "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
  ASSERT_TRUE(out.complete());
  EXPECT_EQ(out.head->status, 200);
  EXPECT_EQ(find(out, "link"), "<none>");
  EXPECT_EQ(out.body, "ok");
  EXPECT_TRUE(out.end->reusable);
}

TEST(Exchange, KnowsResponsesWithoutBody) {
  for (const char* response : {"HTTP/1.1 204 No Content\r\n\r\n",
                               "HTTP/1.1 304 Not Modified\r\nContent-Length: 99\r\n\r\n",
                               "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
                               "HTTP/1.1 205 Reset\r\nContent-Length: 0\r\n\r\n",
                               "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"}) {
    const Outcome out = exchange_of(response);
    ASSERT_TRUE(out.complete()) << response;
    EXPECT_EQ(out.body, "");
    EXPECT_TRUE(out.end->reusable) << response;
  }
}

TEST(Exchange, TakesNoBodyForHead) {
  Request request = get();
  request.method = "HEAD";
  for (const char* response :
       {"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "HTTP/1.1 404 No\r\n\r\n"}) {
    const Outcome out = exchange_of(response, Ending::kStaysOpen, request);
    ASSERT_TRUE(out.complete()) << response;
    EXPECT_EQ(out.body, "");
    EXPECT_TRUE(out.end->reusable);
  }
}

TEST(Exchange, KeepsRepeatedHeadersAndTheirBytes) {
  const Outcome out = exchange_of(
      "HTTP/1.1 200 \r\nSet-Cookie: a=1\r\nset-cookie: b=2\r\nX:  padded \t\r\nEmpty:\r\n"
      "Latin: caf\xE9\r\nContent-Length: 0\r\n\r\n");
  ASSERT_TRUE(out.complete());
  EXPECT_EQ(out.head->reason, "");
  const HeaderList expected = {{"Set-Cookie", "a=1"}, {"set-cookie", "b=2"},
                               {"X", "padded"},       {"Empty", ""},
                               {"Latin", "caf\xE9"},  {"Content-Length", "0"}};
  EXPECT_EQ(out.head->headers, expected);
}

TEST(Exchange, SeesChunkedBehindWhiteSpace) {
  const Outcome out =
      exchange_of("HTTP/1.1 200 OK\r\ntransfer-encoding: \tChunked  \r\n\r\n2\r\nok\r\n0\r\n\r\n");
  ASSERT_TRUE(out.complete());
  EXPECT_EQ(out.body, "ok");
}

TEST(Exchange, TellsWhenTheConnectionMayBeUsedAgain) {
  for (const auto& [response, reusable] :
       {std::pair{"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", true},
        std::pair{"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n", false},
        std::pair{"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: TE, Close\r\n\r\n", false},
        std::pair{
            "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: x\r\nConnection: close\r\n\r\n",
            false},
        std::pair{"HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n", false},
        std::pair{"HTTP/1.0 200 OK\r\nContent-Length: 0\r\nConnection: keep-alive\r\n\r\n", true},
        std::pair{"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\nX", false},
        std::pair{"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\n\r\n", false},
        std::pair{"HTTP/1.1 204 No\r\n\r\nsmuggled", false}}) {
    const Outcome out = exchange_of(response);
    ASSERT_TRUE(out.complete()) << response;
    EXPECT_EQ(out.end->reusable, reusable) << response;
    EXPECT_EQ(out.body.find("smuggled"), std::string::npos);
  }
}

TEST(Exchange, IsNotReusableWhenTheServerClosedBehindTheResponse) {
  StreamPair pair;
  Http1Exchange exchange{pair.client(), get(), {}};
  pair.to_client().inject(base::as_bytes("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"));
  pair.to_client().ended = true;
  Outcome out;
  run(exchange, out);
  ASSERT_TRUE(out.complete());
  EXPECT_FALSE(out.end->reusable);
}

// --- In every piecing ----------------------------------------------------------------------------

constexpr const char* kSamples[] = {
    "HTTP/1.1 200 OK\r\nContent-Length: 11\r\nX: y\r\n\r\nhello world",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4;x\r\nwiki\r\n0\r\nT: t\r\n\r\n",
    "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 404 Not Found\r\nContent-Length: 3\r\n\r\nno!",
    "HTTP/1.1 204 No Content\r\nA: b\r\n\r\n",
};

TEST(Exchange, GivesTheSameOneByteAtATime) {
  for (const char* sample : kSamples) {
    const Outcome whole = exchange_of(sample);
    ASSERT_TRUE(whole.complete()) << sample;
    EXPECT_EQ(exchange_of(sample, Ending::kStaysOpen, get(), 1), whole);
    EXPECT_EQ(exchange_of(sample, Ending::kStaysOpen, get(), 3), whole);
  }
}

TEST(Exchange, GivesTheSameInEverySplit) {
  for (const char* sample : kSamples) {
    const std::string_view text = sample;
    const Outcome whole = exchange_of(text);
    for (std::size_t at = 1; at < text.size(); ++at) {
      StreamPair pair;
      Http1Exchange exchange{pair.client(), get(), {}};
      Outcome out;
      pair.to_client().inject(base::as_bytes(text.substr(0, at)));
      run(exchange, out);
      EXPECT_FALSE(out.end.has_value()) << at;
      pair.to_client().inject(base::as_bytes(text.substr(at)));
      run(exchange, out);
      EXPECT_EQ(out, whole) << at;
    }
  }
}

TEST(Exchange, SeesTruncationAtEveryByte) {
  for (const char* sample : kSamples) {
    const std::string_view text = sample;
    for (std::size_t size = 0; size < text.size(); ++size) {
      const Outcome out = exchange_of(text.substr(0, size), Ending::kCloses);
      ASSERT_TRUE(out.error.has_value()) << size << " of " << sample;
      EXPECT_EQ(out.error->code, size == 0 ? Errc::http_empty_response : Errc::http_truncated);
      EXPECT_FALSE(out.end.has_value());
    }
  }
}

TEST(Exchange, SurvivesEveryFlippedByte) {
  for (const char* sample : kSamples) {
    const std::string text = sample;
    for (std::size_t at = 0; at < text.size(); ++at) {
      for (int bit = 0; bit < 8; ++bit) {
        std::string altered = text;
        altered[at] = static_cast<char>(altered[at] ^ (1 << bit));
        const Outcome out = exchange_of(altered, Ending::kCloses);
        // Whatever it means, it ends: complete or with an error.
        EXPECT_TRUE(out.end.has_value() != out.error.has_value()) << at;
      }
    }
  }
}

// --- Bad responses -------------------------------------------------------------------------------

class BadResponse : public testing::TestWithParam<const char*> {};

TEST_P(BadResponse, IsRefused) {
  const Outcome out = exchange_of(GetParam(), Ending::kCloses);
  ASSERT_TRUE(out.error.has_value()) << GetParam();
  EXPECT_EQ(out.error->code, Errc::http_bad_response);
  EXPECT_FALSE(out.end.has_value());
  EXPECT_EQ(out.body.find("smuggled"), std::string::npos);
}

INSTANTIATE_TEST_SUITE_P(
    Syntax, BadResponse,
    testing::Values(
        "garbage", "SSH-2.0-OpenSSH\r\n", "HTTP/1.1\r\n\r\n", "HTTP/1.1 OK\r\n\r\n",
        "HTTP/1.1 2000 OK\r\n\r\n", "HTTP/1.1 20 OK\r\n\r\n", "HTTP/1.1 -20 OK\r\n\r\n",
        "HTTP/1.1 099 Low\r\n\r\n", "HTTP/1.1  200 OK\r\n\r\n", "HTTP/2.0 200 OK\r\n\r\n",
        "HTTP/0.9 200 OK\r\n\r\n", "HTTP/1.2 200 OK\r\n\r\n", "http/1.1 200 OK\r\n\r\n",
        "GET / HTTP/1.1\r\n\r\n", "HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
        "HTTP/1.1 200 OK\r\n: empty\r\n\r\n", "HTTP/1.1 200 OK\r\nA b: c\r\n\r\n",
        "HTTP/1.1 200 OK\r\nA : c\r\n\r\n", "HTTP/1.1 200 OK\r\n A: c\r\n\r\n",
        "HTTP/1.1 200 OK\r\nA: b\x01\r\n\r\n",
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n"));

INSTANTIATE_TEST_SUITE_P(
    Framing, BadResponse,
    testing::Values(
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
        "HTTP/1.1 200 OK\r\nContent-Length: 5, 6\r\n\r\nhello",
        "HTTP/1.1 200 OK\r\nContent-Length: +5\r\n\r\nhello",
        "HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\nhello",
        "HTTP/1.1 200 OK\r\nContent-Length: 0x5\r\n\r\nhello",
        "HTTP/1.1 200 OK\r\nContent-Length: 5 5\r\n\r\nhello",
        "HTTP/1.1 200 OK\r\nContent-Length: five\r\n\r\nhello",
        "HTTP/1.1 200 OK\r\nContent-Length: \r\n\r\nhello",
        "HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999999\r\n\r\nhello",
        "HTTP/1.1 200 OK\r\nContent-Length: 8\r\nTransfer-Encoding: "
        "chunked\r\n\r\n0\r\n\r\nsmuggled",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: "
        "8\r\n\r\n0\r\n\r\nsmuggled",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\nxx",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: identity\r\n\r\nxx",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n"
        "0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding:\x0b"
        "chunked\r\n\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
        "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"));

constexpr const char* kChunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";

class BadChunks : public testing::TestWithParam<const char*> {};

TEST_P(BadChunks, AreRefused) {
  const Outcome out = exchange_of(std::string{kChunked} + GetParam(), Ending::kCloses);
  ASSERT_TRUE(out.error.has_value()) << GetParam();
  EXPECT_EQ(out.error->code, Errc::http_bad_response) << GetParam();
}

INSTANTIATE_TEST_SUITE_P(Framing, BadChunks,
                         testing::Values("x\r\n", "-1\r\n", "0x5\r\nhello\r\n0\r\n\r\n",
                                         "\r\n0\r\n\r\n", " 5\r\nhello\r\n0\r\n\r\n",
                                         "5\r\nhelloX\r\n0\r\n\r\n", "5\r\nhello0\r\n\r\n",
                                         "5\nhello\n0\n\n", "FFFFFFFFFFFFFFFFF\r\nx",
                                         "5 \r\nhello\r\n0\r\n\r\n",
                                         "5\r\nhello\r\n0\r\nbad trailer\r\n\r\n"));

TEST(Exchange, LimitsTheHead) {
  const Limits limits{.max_head_bytes = 200, .max_headers = 3};
  const std::string three = "HTTP/1.1 200 OK\r\nA: 1\r\nB: 2\r\nContent-Length: 0\r\n";
  EXPECT_TRUE(exchange_of(three + "\r\n", Ending::kStaysOpen, get(), kAll, limits).complete());
  for (const std::string& big :
       {three + "D: 4\r\n\r\n", "HTTP/1.1 200 OK\r\nA: " + std::string(250, 'x'),
        "HTTP/1.1 200 OK\r\n" + std::string(250, 'x'), "HTTP/1.1 200 " + std::string(250, 'x')}) {
    for (const std::size_t piece : {kAll, std::size_t{1}}) {
      const Outcome out = exchange_of(big, Ending::kStaysOpen, get(), piece, limits);
      ASSERT_TRUE(out.error.has_value());
      EXPECT_EQ(out.error->code, Errc::http_head_too_large);
    }
  }
}

TEST(Exchange, LimitsInterimResponsesThatNeverEnd) {
  std::string flood;
  for (int i = 0; i < 100; ++i) flood += "HTTP/1.1 100 C\r\n\r\n";
  const Outcome out = exchange_of(flood, Ending::kStaysOpen, get(), kAll, {.max_head_bytes = 1000});
  ASSERT_TRUE(out.error.has_value());
  EXPECT_EQ(out.error->code, Errc::http_head_too_large);
}

TEST(Exchange, LimitsTrailersAndChunkExtensions) {
  const Outcome trailers = exchange_of(std::string{kChunked} + "0\r\nX: " + std::string(5000, 'x'),
                                       Ending::kStaysOpen, get(), kAll, {.max_head_bytes = 1000});
  ASSERT_TRUE(trailers.error.has_value());
  EXPECT_EQ(trailers.error->code, Errc::http_head_too_large);

  std::string many = kChunked;
  for (int i = 0; i < 200; ++i) many += "1;" + std::string(100, 'e') + "\r\nx\r\n";
  const Outcome extensions = exchange_of(many);
  ASSERT_TRUE(extensions.error.has_value());
  EXPECT_EQ(extensions.error->code, Errc::http_bad_response);
}

// --- The stream below ----------------------------------------------------------------------------

TEST(Exchange, PassesTheStreamsFailureOnAfterTheBodyBeforeIt) {
  StreamPair pair;
  Http1Exchange exchange{pair.client(), get(), {}};
  pair.to_client().inject(base::as_bytes("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\npart"));
  pair.fail_client(base::Error{Errc::net_connection_reset});
  Outcome out;
  run(exchange, out);
  EXPECT_EQ(out.body, "part");
  ASSERT_TRUE(out.error.has_value());
  EXPECT_EQ(out.error->code, Errc::net_connection_reset);
  EXPECT_EQ(exchange.advance(kAll).error().code, Errc::net_connection_reset);
}

TEST(Exchange, TakesAnUnannouncedEndOfTlsForTruncation) {
  StreamPair pair;
  Http1Exchange exchange{pair.client(), get("https://example.test/"), {}};
  pair.to_client().inject(base::as_bytes("HTTP/1.1 200 OK\r\n\r\nto the end"));
  pair.fail_client(base::Error{Errc::tls_truncated});
  Outcome out;
  run(exchange, out);
  EXPECT_EQ(out.body, "to the end");
  EXPECT_FALSE(out.end.has_value());
  ASSERT_TRUE(out.error.has_value());
  EXPECT_EQ(out.error->code, Errc::tls_truncated);
  EXPECT_EQ(base::api_code(out.error->code), "HTTP_TRUNCATED");
}

TEST(Exchange, ReadsAnAnswerThatCameBeforeTheUploadFailed) {
  StreamPair pair;
  pair.to_server().capacity = 100;
  Request request = get();
  request.method = "POST";
  request.body = base::Bytes(10'000, 'b');
  Http1Exchange exchange{pair.client(), request, {}};
  Outcome out;
  run(exchange, out);
  EXPECT_EQ(exchange.bytes_sent(), 100U);
  pair.to_client().inject(base::as_bytes("HTTP/1.1 413 Too Large\r\nContent-Length: 3\r\n\r\nbig"));
  pair.to_server().reader_gone = true;
  pair.to_server().capacity = kAll;
  run(exchange, out);
  ASSERT_TRUE(out.complete());
  EXPECT_EQ(out.head->status, 413);
  EXPECT_EQ(out.body, "big");
  EXPECT_FALSE(out.end->reusable);
}

TEST(Exchange, ReportsAFailedUploadWithoutAnswer) {
  StreamPair pair;
  pair.to_server().reader_gone = true;
  Http1Exchange exchange{pair.client(), get(), {}};
  Outcome out;
  run(exchange, out);
  ASSERT_TRUE(out.error.has_value());
  EXPECT_EQ(out.error->code, Errc::net_connection_reset);
  EXPECT_FALSE(exchange.response_started());
}

TEST(Exchange, IsNotReusableWhenTheAnswerCameBeforeTheWholeRequest) {
  StreamPair pair;
  pair.to_server().capacity = 50;
  Request request = get();
  request.method = "POST";
  request.body = base::Bytes(1000, 'b');
  Http1Exchange exchange{pair.client(), request, {}};
  pair.to_client().inject(base::as_bytes("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"));
  Outcome out;
  run(exchange, out);
  ASSERT_TRUE(out.complete());
  EXPECT_FALSE(out.end->reusable);
}

TEST(Exchange, WritesAsTheStreamTakesIt) {
  StreamPair pair;
  pair.to_server().keep_history = true;
  pair.to_server().capacity = 7;
  Request request = get("http://example.test/upload");
  request.method = "PUT";
  for (int i = 0; i < 5000; ++i) request.body.push_back(static_cast<std::uint8_t>(i));
  const base::Bytes expected = [&] {
    base::Bytes all = encode_head(request);
    base::append(all, request.body);
    return all;
  }();
  Http1Exchange exchange{pair.client(), request, {}};
  base::Bytes got;
  while (got.size() < expected.size()) {
    ASSERT_TRUE(exchange.advance(0).has_value());
    base::Bytes piece(pair.server().readable());
    ASSERT_GT(piece.size(), 0U);
    ASSERT_EQ(pair.server().read(piece), piece.size());
    base::append(got, piece);
    EXPECT_EQ(exchange.bytes_sent(), got.size());
  }
  EXPECT_EQ(got, expected);
  EXPECT_FALSE(exchange.response_started());
}

TEST(Exchange, WaitsForASlowReader) {
  StreamPair pair;
  pair.to_client().capacity = kAll;
  Http1Exchange exchange{pair.client(), get(), {}};
  const std::string body(300'000, 'x');
  pair.to_client().inject(
      base::as_bytes("HTTP/1.1 200 OK\r\nContent-Length: 300000\r\n\r\n" + body));
  Outcome out;
  run(exchange, out, 0);
  EXPECT_TRUE(out.head.has_value());
  EXPECT_EQ(out.body, "");
  // No more than one read is taken ahead.
  EXPECT_GE(pair.client().readable(), body.size() - 16 * 1024);
  const std::size_t before = pair.client().readable();
  run(exchange, out, 0);
  EXPECT_EQ(pair.client().readable(), before);

  while (!out.end) {
    const std::size_t had = out.body.size();
    ASSERT_TRUE(exchange.advance(1000).has_value());
    drain(exchange, out);
    EXPECT_LE(out.body.size() - had, 1000U);
    ASSERT_TRUE(out.end || out.body.size() > had);
  }
  EXPECT_EQ(out.body, body);
  EXPECT_TRUE(out.end->reusable);
}

TEST(Exchange, TellsOfTruncationOnlyAfterTheSlowReaderHasAll) {
  StreamPair pair;
  Http1Exchange exchange{pair.client(), get(), {}};
  pair.to_client().inject(base::as_bytes("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabcdef"));
  pair.to_client().ended = true;
  Outcome out;
  for (int i = 0; i < 6; ++i) {
    if (i > 0) {
      EXPECT_FALSE(out.error) << i;
    }
    const auto result = exchange.advance(1);
    drain(exchange, out);
    if (!result) out.error = result.error();
  }
  if (!out.error) out.error = exchange.advance(1).error();
  EXPECT_EQ(out.body, "abcdef");
  EXPECT_EQ(out.error->code, Errc::http_truncated);
}

Request upload(std::optional<std::uint64_t> length) {
  Request request = get();
  request.method = "PUT";
  request.streamed = StreamedBody{length};
  return request;
}

TEST(Exchange, SendsAStreamedBodyInChunks) {
  StreamPair pair;
  pair.to_server().keep_history = true;
  Http1Exchange exchange{pair.client(), upload(std::nullopt), {}};
  EXPECT_GT(exchange.body_room(), 0U);
  ASSERT_TRUE(exchange.send_body(base::as_bytes("hello")).has_value());
  ASSERT_TRUE(exchange.send_body({}).has_value());  // no end
  ASSERT_TRUE(exchange.send_body(base::Bytes(26, 'x')).has_value());
  ASSERT_TRUE(exchange.end_body().has_value());
  EXPECT_EQ(exchange.body_room(), 0U);
  Outcome out;
  run(exchange, out);
  EXPECT_TRUE(base::to_string(pair.to_server().history)
                  .ends_with("Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n1a\r\n" +
                             std::string(26, 'x') + "\r\n0\r\n\r\n"));
  EXPECT_EQ(exchange.body_sent(), 31U);
  EXPECT_FALSE(exchange.send_body(base::as_bytes("more")).has_value());
}

TEST(Exchange, HoldsAStreamedBodyToItsStatedLength) {
  StreamPair pair;
  pair.to_server().keep_history = true;
  Http1Exchange exchange{pair.client(), upload(4), {}};
  EXPECT_FALSE(exchange.end_body().has_value());
  ASSERT_TRUE(exchange.send_body(base::as_bytes("four")).has_value());
  EXPECT_FALSE(exchange.send_body(base::as_bytes("5")).has_value());
  Outcome out;
  run(exchange, out);
  EXPECT_TRUE(base::to_string(pair.to_server().history).ends_with("Content-Length: 4\r\n\r\nfour"));
}

TEST(Exchange, AsksForNoMoreBodyThanTheStreamTakes) {
  StreamPair pair;
  pair.to_server().capacity = 1000;
  Http1Exchange exchange{pair.client(), upload(std::nullopt), {}};
  std::size_t given = 0;
  while (const std::size_t room = exchange.body_room()) {
    ASSERT_TRUE(exchange.send_body(base::Bytes(room, 'u')).has_value());
    given += room;
    ASSERT_TRUE(exchange.advance(0).has_value());
    ASSERT_LT(given, 1'000'000U);
  }
  EXPECT_LE(exchange.bytes_sent(), 1000U);
}

TEST(Exchange, IsNotReusableBeforeTheStreamedBodyEnds) {
  StreamPair pair;
  Http1Exchange exchange{pair.client(), upload(std::nullopt), {}};
  pair.to_client().inject(base::as_bytes("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"));
  Outcome out;
  run(exchange, out);
  ASSERT_TRUE(out.complete());
  EXPECT_FALSE(out.end->reusable);
}

TEST(Exchange, StaysQuietWhileTheServerIsSilent) {
  StreamPair pair;
  Http1Exchange exchange{pair.client(), get(), {}};
  for (int i = 0; i < 10; ++i) {
    EXPECT_TRUE(exchange.advance(kAll).has_value());
    EXPECT_FALSE(exchange.poll_event().has_value());
  }
}

TEST(Exchange, CarriesSeveralOnOneConnection) {
  StreamPair pair;
  for (int i = 0; i < 3; ++i) {
    Http1Exchange exchange{pair.client(), get("http://example.test/" + std::to_string(i)), {}};
    Outcome out;
    run(exchange, out);
    base::Bytes seen(pair.server().readable());
    ASSERT_EQ(pair.server().read(seen), seen.size());
    EXPECT_TRUE(base::as_text(seen).starts_with("GET /" + std::to_string(i) + " HTTP/1.1\r\n"));
    const auto answer = "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n" + std::to_string(i);
    ASSERT_TRUE(pair.server().write(base::as_bytes(answer)).has_value());
    run(exchange, out);
    ASSERT_TRUE(out.complete());
    EXPECT_EQ(out.body, std::to_string(i));
    EXPECT_TRUE(out.end->reusable);
  }
}

}  // namespace
}  // namespace mix::http
