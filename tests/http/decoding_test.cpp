#include "mix/http/decoding.h"

#include <gtest/gtest.h>
#include <zlib.h>

#include "mix/base/encoding.h"
#include "mix/http/http1.h"
#include "support/stream_pair.h"

namespace mix::http {
namespace {

using base::Bytes;
using base::ByteView;
using base::Errc;
using test::StreamPair;

constexpr std::size_t kAll = 1 << 20;
constexpr int kGzip = 31, kZlib = 15, kBare = -15;  // zlib's windowBits

Bytes deflated(ByteView plain, int window_bits) {
  z_stream state{};
  EXPECT_EQ(
      deflateInit2(&state, Z_DEFAULT_COMPRESSION, Z_DEFLATED, window_bits, 8, Z_DEFAULT_STRATEGY),
      Z_OK);
  Bytes out(deflateBound(&state, static_cast<uLong>(plain.size())) + 64);
  Bytes in = base::to_bytes(plain);
  state.next_in = in.data();
  state.avail_in = static_cast<uInt>(in.size());
  state.next_out = out.data();
  state.avail_out = static_cast<uInt>(out.size());
  EXPECT_EQ(deflate(&state, Z_FINISH), Z_STREAM_END);
  out.resize(state.total_out);
  deflateEnd(&state);
  return out;
}

/// Bytes behind the data that only check it. RFC 1950 §2.2, RFC 1952 §2.3.1
std::size_t check_size(int window_bits) {
  return window_bits == kGzip ? 8 : window_bits == kZlib ? 4 : 0;
}

Bytes text_of(std::size_t size) {
  Bytes out;
  while (out.size() < size) {
    const std::string line = "line " + std::to_string(out.size()) + " of what is coded\n";
    base::append(out, base::as_bytes(line));
  }
  return out;
}

struct Outcome {
  Bytes body;
  std::optional<ResponseHead> head;
  std::optional<ResponseEnd> end;
  std::optional<base::Error> error;
};

void drain(Exchange& exchange, Outcome& out) {
  while (auto event = exchange.poll_event()) {
    if (auto* head = std::get_if<ResponseHead>(&*event)) {
      out.head = std::move(*head);
    } else if (auto* chunk = std::get_if<BodyChunk>(&*event)) {
      base::append(out.body, chunk->bytes);
    } else {
      out.end = std::get<ResponseEnd>(*event);
    }
  }
}

/// One decoded exchange whose body arrives in pieces and is read in steps of `room`.
Outcome fetch(const std::string& coding, ByteView body, std::size_t piece = kAll,
              std::size_t room = kAll, const std::string& method = "GET") {
  StreamPair pair;
  pair.to_client().capacity = 64 * kAll;
  Request request;
  request.method = method;
  request.url = Url::parse("http://a/").value();
  const auto exchange = decode(std::make_unique<Http1Exchange>(pair.client(), request, Limits{}));
  Outcome out;
  const std::string head = "HTTP/1.1 200 OK\r\nContent-Encoding: " + coding +
                           "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n";
  pair.to_client().inject(base::as_bytes(head));
  for (int rounds = 0; rounds < 100'000 && !out.end && !out.error; ++rounds) {
    const std::size_t size = std::min(piece, body.size());
    pair.to_client().inject(body.first(size));
    body = body.subspan(size);
    const std::size_t had = out.body.size();
    if (auto result = exchange->advance(room); !result) out.error = result.error();
    drain(*exchange, out);
    EXPECT_LE(out.body.size() - had, room);
  }
  return out;
}

class Coding : public testing::TestWithParam<std::pair<const char*, int>> {};

TEST_P(Coding, IsRemovedWhateverThePieces) {
  const auto& [name, window_bits] = GetParam();
  const Bytes plain = text_of(50'000);
  const Bytes coded = deflated(plain, window_bits);
  for (const std::size_t piece : {std::size_t{1}, std::size_t{1000}, kAll}) {
    for (const std::size_t room : {std::size_t{777}, kAll}) {
      if (piece == 1 && room == 777) continue;
      const Outcome out = fetch(name, coded, piece, room);
      ASSERT_FALSE(out.error.has_value()) << name << piece;
      EXPECT_TRUE(base::equal(out.body, plain)) << name << piece;
      EXPECT_TRUE(out.end && out.end->reusable);
      // As browsers keep it.
      EXPECT_EQ(find_header(out.head->headers, "content-encoding"), name);
    }
  }
}

TEST_P(Coding, CutShortIsAnError) {
  const auto& [name, window_bits] = GetParam();
  const Bytes coded = deflated(text_of(5000), window_bits);
  for (std::size_t size = 1; size + check_size(window_bits) < coded.size(); size += 7) {
    const Outcome out = fetch(name, ByteView{coded}.first(size));
    ASSERT_TRUE(out.error.has_value()) << name << size;
    EXPECT_EQ(out.error->code, Errc::http_bad_coding);
    EXPECT_FALSE(out.end.has_value());
  }
}

TEST_P(Coding, MayLackItsCheckButNotHaveAWrongOne) {
  const auto& [name, window_bits] = GetParam();
  const Bytes plain = text_of(5000);
  Bytes coded = deflated(plain, window_bits);
  const std::size_t check = check_size(window_bits);
  for (std::size_t missing = 0; missing <= check; ++missing) {
    for (const std::size_t piece : {std::size_t{1}, kAll}) {
      const Outcome out = fetch(name, ByteView{coded}.first(coded.size() - missing), piece);
      EXPECT_FALSE(out.error.has_value()) << name << missing;
      EXPECT_TRUE(base::equal(out.body, plain)) << name << missing;
    }
  }
  const Outcome short_of_data = fetch(name, ByteView{coded}.first(coded.size() - check - 1));
  EXPECT_EQ(short_of_data.error->code, Errc::http_bad_coding);
  if (check == 0) return;
  coded[coded.size() - check] ^= 1;
  EXPECT_EQ(fetch(name, coded).error->code, Errc::http_bad_coding);
}

INSTANTIATE_TEST_SUITE_P(Codings, Coding,
                         testing::Values(std::pair{"gzip", kGzip}, std::pair{"X-GZip", kGzip},
                                         std::pair{"deflate", kZlib}, std::pair{"deflate", kBare}));

TEST(Decoding, RemovesBrotli) {
  const Bytes coded =
      base::hex_decode("1b1700f88d946ede445586d66c20696fd31049e2a903569a78b46806").value();
  EXPECT_EQ(base::to_string(fetch("br", coded).body), "hello hello hello brotli");
  EXPECT_EQ(base::to_string(fetch("br", coded, 1).body), "hello hello hello brotli");
  EXPECT_EQ(fetch("br", ByteView{coded}.first(20)).error->code, Errc::http_bad_coding);
  EXPECT_EQ(fetch("br", text_of(1000)).error->code, Errc::http_bad_coding);
}

TEST(Decoding, RemovesSeveralCodingsFromTheLast) {
  const Bytes plain = text_of(3000);
  const Bytes coded = deflated(deflated(plain, kZlib), kGzip);
  EXPECT_TRUE(base::equal(fetch("deflate, gzip", coded).body, plain));
  EXPECT_TRUE(base::equal(fetch("deflate, identity, gzip", coded, 3, 10).body, plain));
  EXPECT_EQ(fetch("gzip, gzip, gzip, gzip", coded).error->code, Errc::http_coding_bomb);
}

TEST(Decoding, ReadsSeveralGzipMembersAndIgnoresPadding) {
  Bytes coded = deflated(base::as_bytes("one "), kGzip);
  base::append(coded, deflated(base::as_bytes("two"), kGzip));
  EXPECT_EQ(base::to_string(fetch("gzip", coded).body), "one two");
  base::append(coded, Bytes(100, 0));
  EXPECT_EQ(base::to_string(fetch("gzip", coded, 5).body), "one two");
}

TEST(Decoding, LeavesWhatItDoesNotKnow) {
  EXPECT_EQ(base::to_string(fetch("zstd", base::as_bytes("as it came")).body), "as it came");
  EXPECT_EQ(base::to_string(fetch("gzip, zstd", base::as_bytes("as it came")).body), "as it came");
  EXPECT_EQ(base::to_string(fetch("identity", base::as_bytes("plain")).body), "plain");
}

TEST(Decoding, TakesAnEmptyBodyOfAnyCoding) {
  for (const char* coding : {"gzip", "deflate", "br"}) {
    const Outcome out = fetch(coding, {});
    EXPECT_FALSE(out.error.has_value()) << coding;
    EXPECT_TRUE(out.end.has_value()) << coding;
  }
}

TEST(Decoding, SaysThatTheCodingIsALie) {
  for (const char* coding : {"gzip", "deflate", "br"}) {
    const Outcome out = fetch(coding, base::as_bytes("\xFFthis was never coded in any way"));
    ASSERT_TRUE(out.error.has_value()) << coding;
    EXPECT_EQ(out.error->code, Errc::http_bad_coding);
  }
}

TEST(Decoding, StopsABomb) {
  const Bytes bomb = deflated(Bytes(24 * 1024 * 1024, 0), kGzip);
  const Outcome out = fetch("gzip", bomb, kAll, kAll);
  ASSERT_TRUE(out.error.has_value());
  EXPECT_EQ(out.error->code, Errc::http_coding_bomb);
  EXPECT_LE(out.body.size(), 18U * 1024 * 1024);
}

TEST(Decoding, GivesNothingToAReaderWithoutRoom) {
  const Outcome out = fetch("gzip", deflated(text_of(50'000), kGzip), kAll, 1);
  EXPECT_TRUE(out.end.has_value());
  EXPECT_GE(out.body.size(), 50'000U);
}

}  // namespace
}  // namespace mix::http
