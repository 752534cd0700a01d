// After a tunnel has ended, no key of it is left in the memory of the process: not in what was
// given back, nor on the stack. All random bytes that the client drew are remembered here, masked,
// and looked for.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>

#include "mix/mixnet/client.h"
#include "support/fake_mixnet.h"
#include "world.h"

namespace mix::sim {
namespace {

/// The first bytes of a draw, hidden from the search by a mask.
class Draws {
 public:
  static constexpr std::size_t kPrefix = sizeof(std::uint64_t);

  void add(base::ByteView draw) { sizes_[load(draw.data()) ^ kMask] = draw.size(); }
  struct Found {
    std::uint64_t name;  // tells it from other draws
    std::size_t size;
  };
  /// The draw that begins here, if one does.
  [[nodiscard]] std::optional<Found> at(const std::uint8_t* bytes) const {
    const auto found = sizes_.find(load(bytes) ^ kMask);
    if (found == sizes_.end()) return std::nullopt;
    return Found{found->first, found->second};
  }
  [[nodiscard]] std::size_t count(std::size_t size) const {
    return static_cast<std::size_t>(
        std::ranges::count_if(sizes_, [size](const auto& draw) { return draw.second == size; }));
  }

 private:
  static constexpr std::uint64_t kMask = 0xa5c396f05a3c690f;

  static std::uint64_t load(const std::uint8_t* bytes) {
    std::uint64_t out = 0;
    std::memcpy(&out, bytes, kPrefix);
    return out;
  }
  std::unordered_map<std::uint64_t, std::size_t> sizes_;
};

class RememberedRng final : public base::Rng {
 public:
  void fill(base::MutByteView out) override {
    rng_.fill(out);
    // Shorter ones are delays, choices and names.
    constexpr std::size_t kShortestKey = 16;
    if (out.size() >= kShortestKey) draws_.add(out);
  }
  [[nodiscard]] const Draws& draws() const { return draws_; }

 private:
  test::SeededRng rng_{4711};
  Draws draws_;
};

/// How many draws of each size are found in writable memory, each counted once.
std::map<std::size_t, std::size_t> search(const Draws& draws) {
  std::set<std::uint64_t> found;
  std::map<std::size_t, std::size_t> sizes;
  std::ifstream maps("/proc/self/maps");
  for (std::string line; std::getline(maps, line);) {
    std::uintptr_t from = 0, to = 0;
    std::array<char, 5> access{};
    if (std::sscanf(line.c_str(), "%lx-%lx %4s", &from, &to, access.data()) != 3) continue;
    if (access[0] != 'r' || access[1] != 'w' || line.find("[v") != std::string::npos) continue;
    for (std::uintptr_t at = from; at + Draws::kPrefix <= to; ++at) {
      // NOLINTNEXTLINE(performance-no-int-to-ptr)
      const auto draw = draws.at(reinterpret_cast<const std::uint8_t*>(at));
      if (draw && found.insert(draw->name).second) ++sizes[draw->size];
    }
  }
  return sizes;
}

/// Sizes of keys. Drawn besides: a header's padding of 248 bytes, which travels.
constexpr std::size_t kLongKey = 32, kShortKey = 16;

/// A whole life of a tunnel; what is left of its draws.
std::map<std::size_t, std::size_t> left_after(const std::string& url) {
  RememberedRng rng;
  {
    WorldConfig config = without_cover();
    config.engine_rng = &rng;
    World world(std::move(config));
    EXPECT_TRUE(world.set_up());
    EXPECT_TRUE(world.get(url).end.has_value());
    world.shut_down();
    world.run_for(10s);
  }
  EXPECT_GT(rng.draws().count(kLongKey), 100U);
  return search(rng.draws());
}

// Short keys are those of replies: they go to the exit, which lives in the same process here, so
// they are looked for apart.
TEST(Secrets, AreGoneFromMemoryAfterTheTunnel) {
  EXPECT_EQ(left_after("http://" + std::string(kHost) + "/bytes/20000")[kLongKey], 0U);
}

TEST(Secrets, OfTlsAreGoneToo) {
  // The random of the hello and its session id travel in the clear.
  constexpr std::size_t kOpen = 2;
  EXPECT_LE(left_after("https://" + std::string(kHost) + "/bytes/20000")[kLongKey], kOpen);
}

TEST(Secrets, OfRepliesAreGoneFromTheirMaker) {
  RememberedRng rng;
  {
    test::SeededRng others(1);
    const test::FakeMixnet net({}, 2);
    const auto keys = mixnet::ClientKeys::generate(rng);
    const auto recipient = mixnet::ClientKeys::generate(others);
    mixnet::TrafficConfig traffic;
    traffic.disable_main_poisson = traffic.disable_loop_cover = true;
    mixnet::Client client(traffic, {}, keys, net.gateway(0), rng, base::null_log());
    base::TimePoint now{};
    client.set_topology(net.topology(), now);
    client.start(now);
    mixnet::SendOptions options;
    options.reply_surbs = 20;
    const mixnet::Recipient to{recipient.identity.public_key, recipient.encryption.public_key,
                               net.gateway(1)};
    ASSERT_TRUE(client.send(to, base::Bytes(3000), options, now).has_value());
    int packets = 0;
    while (client.poll_output(now, 0)) ++packets;
    ASSERT_GT(packets, 5);
  }
  ASSERT_GE(rng.draws().count(kShortKey), 20U);
  // The sender tag is no secret.
  constexpr std::size_t kOpen = 1;
  EXPECT_LE(search(rng.draws())[kShortKey], kOpen);
}

// The search would see a key that is left behind.
TEST(Secrets, ThatAreLeftAreFound) {
  RememberedRng rng;
  auto left = std::make_unique<std::array<std::uint8_t, kLongKey>>();
  rng.fill(*left);
  EXPECT_EQ(search(rng.draws())[kLongKey], 1U);
}

}  // namespace
}  // namespace mix::sim
