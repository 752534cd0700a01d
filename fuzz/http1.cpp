// A server's HTTP/1.1 answer in pieces: head, chunks, codings, end.
#include "mix/http/http1.h"

#include "mix/http/decoding.h"
#include "mix/http/keep_alive.h"
#include "mix/http/redirect.h"
#include "support/target.h"
#include "tests/support/stream_pair.h"

using namespace mix;

MIX_FUZZ(http1) {
  fuzz::Parts parts(input);
  const std::uint8_t how = parts.u8();
  test::StreamPair pair;
  auto stream = pair.take_client();
  http::Request request{
      (how & 1) != 0 ? "HEAD" : "GET", *http::Url::parse("http://a.example/b"), {}, {}};
  auto exchange =
      http::decode(std::make_unique<http::Http1Exchange>(*stream, request, http::Limits{4096, 32}));
  const std::size_t piece = (how & 2) != 0 ? 1 : 1 + parts.u8() * 16U;
  const std::size_t max_body = (how & 4) != 0 ? 7 : 64 * 1024;
  static constexpr std::array<std::string_view, 4> kCodings{
      "", "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n",
      "HTTP/1.1 200 OK\r\nContent-Encoding: br\r\n\r\n",
      "HTTP/1.1 200 OK\r\nContent-Encoding: deflate\r\nTransfer-Encoding: chunked\r\n\r\n"};
  pair.to_client().inject(base::as_bytes(kCodings[(how >> 4) % kCodings.size()]));
  bool has_head = false;
  bool has_end = false;
  bool has_failed = false;
  const auto turn = [&] {
    for (int i = 0; i < 64 && !has_failed; ++i) {
      has_failed = !exchange->advance(max_body);
      bool moved = false;
      while (auto event = exchange->poll_event()) {
        moved = true;
        if (const auto* head = std::get_if<http::ResponseHead>(&*event)) {
          fuzz::require(!has_head, "two heads");
          fuzz::require(head->status >= 200 && head->headers.size() <= 32, "a head out of bounds");
          has_head = true;
          (void)http::keep_alive_time(head->headers);
          (void)http::decide_redirect(request, *head, {}, {});
        } else {
          fuzz::require(has_head && !has_end, "events out of order");
          has_end = std::holds_alternative<http::ResponseEnd>(*event);
        }
      }
      if (!moved) break;
    }
  };
  turn();
  while (!parts.empty() && !has_failed) {
    pair.to_client().inject(parts.take(piece));
    turn();
  }
  pair.server().shutdown();
  turn();
}
