// One connection on its way: names, addresses one after another, and one time limit for all of it.
#include "dialer.h"

#include "pool_world.h"

namespace mix::tunnel {
namespace {

using namespace std::chrono_literals;
using base::Errc;
using Step = Dialer::Step;

class Dialling : public testing::Test, public PoolWorld {
 protected:
  std::unique_ptr<Dialer> dial(DialTarget target) {
    return std::make_unique<Dialer>(std::move(target), services, clock.now());
  }
  void move(Dialer& dialer) {
    resolver.advance(clock.now());
    while (const auto done = resolver.poll_event()) dialer.lookup_finished(*done, clock.now());
    while (dialer.advance(clock.now())) continue;
  }
  [[nodiscard]] std::string tried(std::size_t i) const {
    return net::to_string(stack.connections.at(i).to);
  }
};

TEST_F(Dialling, GoesFromNameToOpenConnection) {
  stack.connects_later = true;
  const auto dialer = dial({.host = "a.example", .port = 8080});
  EXPECT_EQ(dialer->step(), Step::kResolving);
  EXPECT_EQ(dialer->phase(), Phase::kDns);
  clock.advance(100ms);
  answer_names({"192.0.2.7"});
  move(*dialer);
  EXPECT_EQ(dialer->step(), Step::kConnecting);
  EXPECT_EQ(dialer->phase(), Phase::kConnect);
  EXPECT_EQ(tried(0), "192.0.2.7:8080");
  clock.advance(50ms);
  stack.connections[0].pair->set_connected(true);
  move(*dialer);
  ASSERT_EQ(dialer->step(), Step::kOpen);
  EXPECT_EQ(dialer->protocol(), "");
  EXPECT_EQ(net::to_string(dialer->peer()), "192.0.2.7:8080");
  EXPECT_EQ(dialer->timing().dns, clock.now() - 50ms);
  EXPECT_EQ(dialer->timing().connect, clock.now());
  EXPECT_EQ(dialer->timing().tls, std::nullopt);
  const auto stream = dialer->take();
  ASSERT_TRUE(stream->write(base::as_bytes("x")).has_value());
}

TEST_F(Dialling, TriesAddressAfterAddress) {
  stack.connects_later = true;
  const auto dialer = dial({.host = "a.example", .port = 1});
  answer_names({"192.0.2.1", "192.0.2.2", "192.0.2.3"});
  move(*dialer);
  stack.connections[0].pair->fail_client(base::Error{Errc::net_connect_refused});
  move(*dialer);
  ASSERT_EQ(stack.connections.size(), 2u);
  EXPECT_EQ(tried(1), "192.0.2.2:1");
  EXPECT_EQ(dialer->step(), Step::kConnecting);
  stack.connections[1].pair->fail_client(base::Error{Errc::net_connect_refused});
  move(*dialer);
  stack.connections[2].pair->set_connected(true);
  move(*dialer);
  EXPECT_EQ(dialer->step(), Step::kOpen);
}

TEST_F(Dialling, FailsAsTheLastAddressDid) {
  stack.connects_later = true;
  const auto dialer = dial({.host = "a.example", .port = 1});
  answer_names({"192.0.2.1", "192.0.2.2"});
  move(*dialer);
  stack.connections[0].pair->fail_client(base::Error{Errc::net_connect_refused});
  move(*dialer);
  stack.connections[1].pair->fail_client(base::Error{Errc::net_connection_reset});
  move(*dialer);
  ASSERT_EQ(dialer->step(), Step::kFailed);
  EXPECT_EQ(dialer->error()->code, Errc::net_connection_reset);
  EXPECT_EQ(dialer->error()->context, "a.example:1");
  EXPECT_EQ(dialer->phase(), Phase::kConnect);
}

TEST_F(Dialling, PassesTheResolversFailureOn) {
  const auto dialer = dial({.host = "a.example", .port = 1});
  answer_names({});
  move(*dialer);
  ASSERT_EQ(dialer->step(), Step::kFailed);
  EXPECT_EQ(dialer->error()->code, Errc::dns_not_found);
  EXPECT_EQ(dialer->phase(), Phase::kDns);
}

TEST_F(Dialling, HasOneTimeLimitForAllSteps) {
  const auto nameless = dial({.host = "a.example", .port = 1, .timeout = 2s});
  EXPECT_EQ(nameless->next_deadline(), clock.now() + 2s);
  clock.advance(2s);
  move(*nameless);
  ASSERT_EQ(nameless->step(), Step::kFailed);
  EXPECT_EQ(nameless->error()->code, Errc::dns_timeout);
  EXPECT_EQ(nameless->next_deadline(), std::nullopt);

  stack.connects_later = true;
  const auto silent = dial({.host = "192.0.2.1", .port = 1, .timeout = 2s});
  move(*silent);
  clock.advance(1999ms);
  move(*silent);
  EXPECT_EQ(silent->step(), Step::kConnecting);
  clock.advance(1ms);
  move(*silent);
  ASSERT_EQ(silent->step(), Step::kFailed);
  EXPECT_EQ(silent->error()->code, Errc::net_connect_timeout);

  stack.connects_later = false;
  const auto mute =
      dial({.host = "192.0.2.1", .port = 1, .security = Security::kTls, .timeout = 2s});
  move(*mute);
  EXPECT_EQ(mute->step(), Step::kConnected);
  mute->secure(clock.now());
  move(*mute);
  EXPECT_EQ(mute->phase(), Phase::kTls);
  clock.advance(2s);
  move(*mute);
  ASSERT_EQ(mute->step(), Step::kFailed);
  EXPECT_EQ(mute->error()->code, Errc::tls_timeout);
}

TEST_F(Dialling, AsksForNoNameWhenItIsDropped) {
  auto dialer = dial({.host = "a.example", .port = 1});
  EXPECT_EQ(stack.open_sockets, 2u);
  dialer.reset();
  EXPECT_EQ(stack.open_sockets, 0u);
}

TEST_F(Dialling, KnowsNoNamesOfOtherIsolationKeys) {
  const auto asked_for = [&](const char* key) {
    const auto dialer = dial({.host = "a.example", .port = 1, .isolation = key});
    const std::size_t asked = stack.sent.size();
    answer_names({"192.0.2.1"});
    move(*dialer);
    EXPECT_EQ(dialer->step(), Step::kOpen) << key;
    return asked;
  };
  EXPECT_EQ(asked_for("a"), 2u);
  EXPECT_EQ(asked_for("a"), 0u);
  EXPECT_EQ(asked_for("b"), 2u);
  EXPECT_EQ(asked_for(""), 2u);
}

}  // namespace
}  // namespace mix::tunnel
