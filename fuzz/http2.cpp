// A server's HTTP/2 frames, with two requests under way.
#include "mix/http/http2.h"

#include "support/target.h"
#include "tests/support/stream_pair.h"

using namespace mix;

MIX_FUZZ(http2) {
  fuzz::Parts parts(input);
  const std::uint8_t how = parts.u8();
  test::StreamPair pair;
  pair.each([](test::Pipe& pipe) { pipe.capacity = 1 << 20; });
  http::Http2Connection connection(pair.take_client(), http::Limits{4096, 32});
  const auto url = *http::Url::parse("https://a.example/b");
  std::array exchanges{connection.open({"GET", url, {}, {}}),
                       connection.open({"POST", url, {}, base::Bytes(100, 7)})};
  std::array<bool, 2> failed{};
  std::array<bool, 2> has_head{};
  if ((how & 1) != 0) {
    pair.to_client().inject(base::Bytes{0, 0, 0, 4, 0, 0, 0, 0, 0});  // SETTINGS, empty
  }
  const auto turn = [&] {
    for (int i = 0; i < 16; ++i) {
      bool moved = connection.advance(base::TimePoint{});
      for (std::size_t k = 0; k < exchanges.size(); ++k) {
        if (!exchanges[k] || failed[k]) continue;
        failed[k] = !exchanges[k]->advance(4096);
        while (auto event = exchanges[k]->poll_event()) {
          moved = true;
          if (std::holds_alternative<http::ResponseHead>(*event)) {
            fuzz::require(!has_head[k], "two heads");
            has_head[k] = true;
          } else {
            fuzz::require(has_head[k], "a body without head");
          }
        }
      }
      if (!moved) break;
    }
  };
  turn();
  while (!parts.empty()) {
    pair.to_client().inject(parts.take((how & 2) != 0 ? 1 : 1 + how));
    turn();
    if ((how & 4) != 0 && failed[0]) exchanges[0].reset();
  }
  pair.server().shutdown();
  turn();
}
