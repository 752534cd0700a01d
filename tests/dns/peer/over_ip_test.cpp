// The resolver over the real stack: UDP and TCP through a lossy link to two resolvers.
#include <gtest/gtest.h>

#include <map>
#include <string>

#include "mix/dns/resolver.h"
#include "support/dns_message.h"
#include "support/ip_world.h"

namespace mix::dns {
namespace {

using namespace std::chrono_literals;
using base::Bytes;
using test::DnsAnswer;
using test::IpWorld;

constexpr std::uint16_t kPort = 53;

/// Answers every question at every address; more than 512 bytes only over TCP.
class DnsWorld {
 public:
  explicit DnsWorld(std::uint64_t seed) : world(seed) {
    world.internet().bind_udp(kPort);
    world.internet().listen(kPort);
    world.on_turn = [this] {
      serve_udp();
      serve_tcp();
      resolver.advance(world.now());
    };
  }

  std::optional<LookupDone> resolve(std::string_view host) {
    (void)resolver.lookup(host, world.now());
    std::optional<LookupDone> done;
    (void)run([&] { return (done = resolver.poll_event()).has_value(); });
    return done;
  }

  /// TCP connections so far.
  [[nodiscard]] std::size_t connections() const { return received_.size(); }

  IpWorld world;
  Resolver resolver{ResolverConfig{}, world.stack(), world.rng()};
  net::IpAddress dead_server = net::Ipv4{};  // this one is silent

 private:
  // The resolver's deadlines count beside the stack's.
  bool run(const std::function<bool()>& done) {
    for (int i = 0; i < 10000; ++i) {
      world.turn();
      if (done()) return true;
      const auto next = base::earlier(world.next_event(), resolver.next_deadline());
      if (!next) return false;
      if (*next > world.now()) world.clock().advance(*next - world.now());
    }
    return false;
  }

  Bytes answer_to(base::ByteView query, std::size_t limit) {
    const auto read = test::read_dns_query(query);
    DnsAnswer out(read);
    const int copies = read.name.starts_with("big") ? 60 : 1;
    for (int i = 0; i < copies; ++i) {
      out.address(read.type == test::kTypeA ? "192.0.2." + std::to_string(i + 1)
                                            : "2001:db8::" + std::to_string(i + 1));
    }
    if (out.bytes().size() <= limit) return out.bytes();
    return DnsAnswer(read).truncated().bytes();
  }
  void serve_udp() {
    while (auto query = world.internet().receive_udp(kPort)) {
      if (query->local.address == dead_server) continue;
      world.internet().send_udp(query->local, query->remote, answer_to(query->payload, 512));
    }
  }
  void serve_tcp() {
    while (auto accepted = world.internet().accept(kPort)) received_[accepted->connection];
    for (auto& [connection, bytes] : received_) {
      base::append(bytes, world.internet().read(connection));
      base::Reader reader(bytes);
      while (const auto size = reader.u16be()) {
        const auto query = reader.bytes(*size);
        if (!query) break;
        const Bytes answer = answer_to(*query, 65535);
        base::Writer framed;
        framed.u16be(static_cast<std::uint16_t>(answer.size())).bytes(answer);
        world.internet().write(connection, framed.view());
        bytes = base::to_bytes(reader.rest());
        reader = base::Reader(bytes);
      }
    }
  }

  std::map<int, Bytes> received_;
};

TEST(DnsOverIp, ResolvesInOneRoundTrip) {
  DnsWorld world(1);
  const base::TimePoint start = world.world.now();
  const auto done = world.resolve("www.example.com");
  ASSERT_TRUE(done && done->addresses);
  EXPECT_EQ(done->addresses->size(), 2u);
  EXPECT_EQ(world.world.now() - start, base::Duration{80ms});
  EXPECT_EQ(world.world.stack().next_deadline(), std::nullopt);
}

TEST(DnsOverIp, FetchesLargeAnswersByTcp) {
  DnsWorld world(2);
  const auto done = world.resolve("big.example.com");
  ASSERT_TRUE(done && done->addresses);
  EXPECT_GE(done->addresses->size(), 32u);
  EXPECT_EQ(world.connections(), 1u);  // for A and AAAA
}

TEST(DnsOverIp, OutlivesADeadPrimary) {
  DnsWorld world(3);
  world.dead_server = net::Ipv4{{8, 8, 8, 8}};
  const base::TimePoint start = world.world.now();
  const auto done = world.resolve("www.example.com");
  ASSERT_TRUE(done && done->addresses);
  EXPECT_EQ(world.world.now() - start, base::Duration{3s + 80ms});
}

TEST(DnsOverIp, OutlivesALossyLink) {
  DnsWorld world(4);
  world.world.up = {40ms, 10ms, 0.2, 0.1};
  world.world.down = {40ms, 10ms, 0.2, 0.1};
  for (int i = 0; i < 30; ++i) {
    const auto done = world.resolve("host" + std::to_string(i) + ".example.com");
    ASSERT_TRUE(done);
    EXPECT_TRUE(done->addresses) << i;
  }
}

}  // namespace
}  // namespace mix::dns
