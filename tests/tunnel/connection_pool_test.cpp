// Who gets which connection, and how long one is kept. Without TLS; see with_server/ for that.
#include <algorithm>
#include <vector>

#include "pool_world.h"

namespace mix::tunnel {
namespace {

using namespace std::chrono_literals;
using base::Errc;

constexpr const char* kUrl = "http://192.0.2.1/";

class Pool : public testing::Test, public PoolWorld {
 protected:
  using PoolWorld::PoolWorld;
  std::vector<Ticket> ask_times(std::size_t count) {
    std::vector<Ticket> tickets;
    for (std::size_t i = 0; i < count; ++i) tickets.push_back(ask(kUrl));
    turn();
    return tickets;
  }
};

TEST_F(Pool, OpensSixConnectionsToAnOriginAtMost) {
  const std::vector<Ticket> tickets = ask_times(10);
  EXPECT_EQ(stack.connections.size(), 6u);
  std::vector<std::unique_ptr<Granted>> got;
  for (const Ticket ticket : tickets) {
    if (auto one = granted(ticket)) got.push_back(std::move(one));
  }
  ASSERT_EQ(got.size(), 6u);
  EXPECT_FALSE(got.front()->reused);
  give_back(std::move(got.back()));
  const auto next = granted(tickets[6]);
  ASSERT_NE(next, nullptr);
  EXPECT_TRUE(next->reused);
  EXPECT_EQ(stack.connections.size(), 6u);
  // One that ended makes room for a new one.
  got.front().reset();
  turn();
  EXPECT_EQ(stack.connections.size(), 7u);
  const auto fresh = granted(tickets[7]);
  ASSERT_NE(fresh, nullptr);
  EXPECT_FALSE(fresh->reused);
}

TEST_F(Pool, ServesByPriorityThenByArrival) {
  std::vector<std::unique_ptr<Granted>> busy;
  for (int i = 0; i < 6; ++i) busy.push_back(connect(kUrl));
  std::vector<Ticket> tickets;
  for (const Priority priority :
       {Priority::kLow, Priority::kAuto, Priority::kAuto, Priority::kHigh}) {
    ConnectionRequest request = request_for(kUrl);
    request.priority = priority;
    tickets.push_back(ask(std::move(request)));
  }
  turn();
  for (const std::size_t expected : {3u, 1u, 2u, 0u}) {
    give_back(std::move(busy.back()));
    busy.pop_back();
    for (std::size_t i = 0; i < tickets.size(); ++i) {
      auto one = granted(tickets[i]);
      EXPECT_EQ(one != nullptr, i == expected) << i << " instead of " << expected;
      if (one) busy.insert(busy.begin(), std::move(one));
    }
  }
}

TEST_F(Pool, KeepsOriginsAndIsolationKeysApart) {
  for (const auto& [url, key] :
       {std::pair{kUrl, ""}, std::pair{kUrl, "a"}, std::pair{kUrl, "b"},
        std::pair{"http://192.0.2.1:81/", ""}, std::pair{"http://192.0.2.2/", ""}}) {
    auto first = connect(url, key);
    EXPECT_FALSE(first->reused) << url << key;
    give_back(std::move(first));
  }
  EXPECT_EQ(stack.connections.size(), 5u);
  EXPECT_EQ(pool.idle(), 5u);
  EXPECT_TRUE(connect(kUrl, "b")->reused);
  EXPECT_EQ(stack.connections.size(), 5u);
}

TEST_F(Pool, ForgetsIdleConnectionsInTime) {
  give_back(connect(kUrl));
  pass(59s);
  EXPECT_EQ(pool.idle(), 1u);
  EXPECT_EQ(pool.next_deadline(), clock.now() + 1s);
  pass(1s);
  EXPECT_EQ(pool.idle(), 0u);
  EXPECT_EQ(pool.next_deadline(), std::nullopt);
  // As the server says, if that is sooner.
  give_back(connect(kUrl), 4s);
  pass(4s);
  EXPECT_EQ(pool.idle(), 0u);
  give_back(connect(kUrl), 0s);
  EXPECT_EQ(pool.idle(), 0u);
  give_back(connect(kUrl));
  pool.drop_idle();
  EXPECT_EQ(pool.idle(), 0u);
}

TEST_F(Pool, TakesTheMostRecentlyUsed) {
  auto first = connect(kUrl);
  auto second = connect(kUrl);
  give_back(std::move(first));
  give_back(std::move(second));
  const auto next = connect(kUrl);
  ASSERT_TRUE(next->lease->stream().write(base::as_bytes("x")).has_value());
  EXPECT_EQ(stack.connections[0].pair->to_server().total_written, 0u);
  EXPECT_EQ(stack.connections[1].pair->to_server().total_written, 1u);
}

TEST_F(Pool, NeverGivesOutWhatTheServerEndedOrWroteTo) {
  give_back(connect(kUrl));
  stack.connections[0].pair->to_client().ended = true;
  EXPECT_FALSE(connect(kUrl)->reused);
  give_back(connect(kUrl));
  stack.connections.back().pair->to_client().inject(base::as_bytes("HTTP/1.1 200 OK\r\n\r\n"));
  EXPECT_FALSE(connect(kUrl)->reused);
  // Nor when that had happened before it was given back.
  auto late = connect(kUrl);
  stack.connections.back().pair->to_client().inject(base::as_bytes("x"));
  give_back(std::move(late));
  EXPECT_EQ(pool.idle(), 0u);
}

TEST_F(Pool, OpensANewOneForWhoWantsNoUsedOne) {
  for (int i = 0; i < 6; ++i) (void)ask(kUrl);
  turn();
  std::vector<std::unique_ptr<Granted>> all;
  for (Ticket ticket = 1; ticket <= 6; ++ticket) all.push_back(granted(ticket));
  for (auto& one : all) give_back(std::move(one));
  ASSERT_EQ(pool.idle(), 6u);
  ConnectionRequest request = request_for(kUrl);
  request.freshness = Freshness::kNew;
  EXPECT_FALSE(connect(std::move(request))->reused);
  EXPECT_EQ(stack.connections.size(), 7u);
  EXPECT_EQ(pool.idle(), 5u);  // the oldest gave way
}

TEST_F(Pool, DropsTheConnectionOfACancelledTicket) {
  const Ticket unfetched = ask(kUrl);
  turn();
  pool.cancel(unfetched);
  EXPECT_EQ(pool.poll(unfetched), std::nullopt);
  EXPECT_EQ(stack.connections[0].pair->to_server().reader_gone, false);
  EXPECT_EQ(stack.connections[0].server->state(), net::StreamState::kFailed);
  stack.connects_later = true;
  const Ticket dialling = ask(kUrl);
  turn();
  pool.cancel(dialling);
  EXPECT_EQ(stack.connections[1].pair->to_client().reader_gone, true);
  EXPECT_EQ(pool.next_deadline(), std::nullopt);
}

TEST_F(Pool, LetsAnOlderRequestHaveTheConnectionOfACancelledOne) {
  stack.connects_later = true;
  const Ticket first = ask(kUrl);
  const Ticket second = ask(kUrl);
  turn();
  ASSERT_EQ(stack.connections.size(), 2u);
  // The second one's connection stands first and serves whoever is first.
  stack.connections[1].pair->set_connected(true);
  turn();
  EXPECT_NE(granted(first), nullptr);
  EXPECT_EQ(granted(second), nullptr);
  stack.connections[0].pair->set_connected(true);
  turn();
  EXPECT_NE(granted(second), nullptr);
}

TEST_F(Pool, TellsWhyItRefuses) {
  stack.connect_error = base::Error{Errc::net_unreachable};
  const Ticket ticket = ask(kUrl);
  turn();
  const auto answer = pool.poll(ticket);
  ASSERT_TRUE(answer && std::holds_alternative<Refused>(*answer));
  EXPECT_EQ(std::get<Refused>(*answer).error.code, Errc::net_unreachable);
  EXPECT_EQ(std::get<Refused>(*answer).phase, Phase::kConnect);
  EXPECT_EQ(pool.poll(ticket), std::nullopt);
}

TEST_F(Pool, KeepsSixtyFourConnectionsInAll) {
  std::vector<std::unique_ptr<Granted>> busy;
  for (int i = 1; i <= 63; ++i) busy.push_back(connect("http://10.0.0." + std::to_string(i) + "/"));
  give_back(connect("http://10.0.1.1/"));
  // The idle one gives way.
  busy.push_back(connect("http://10.0.1.2/"));
  EXPECT_EQ(pool.idle(), 0u);
  const Ticket waiting = ask("http://10.0.1.3/");
  turn();
  EXPECT_EQ(stack.connections.size(), 65u);
  EXPECT_EQ(granted(waiting), nullptr);
  busy.pop_back();
  turn();
  EXPECT_EQ(stack.connections.size(), 66u);
  EXPECT_NE(granted(waiting), nullptr);
}

TEST_F(Pool, RemembersNoMoreOriginsThanItsLimit) {
  for (int i = 0; i < 600; ++i) {
    const std::string host = "10.1." + std::to_string(i / 250) + "." + std::to_string(i % 250 + 1);
    give_back(connect("http://" + host + "/"), 0s);
  }
  EXPECT_EQ(pool.idle(), 0u);
  EXPECT_EQ(pool.next_deadline(), std::nullopt);
}

}  // namespace
}  // namespace mix::tunnel
