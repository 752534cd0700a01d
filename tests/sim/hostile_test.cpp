// Peers that break the rules on purpose once a tunnel is up: an entry gateway, an exit and a router
// behind it that repeat, hold back, garble and invent what they carry. Whatever they do, a page
// gets the right bytes or an error that says what happened, and the tunnel goes on.
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <utility>

#include "net/raw_packet.h"
#include "world.h"

namespace mix::sim {
namespace {

using base::Bytes;
using base::ByteView;
using base::Errc;
using gateway::LinkFrame;
using test::TcpSegment;

constexpr std::size_t kTransfer = 32 * 1024;

class Hostile : public testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(world.set_up()); }

  static std::string url(std::size_t size = kTransfer) {
    return "https://" + std::string(kHost) + "/bytes/" + std::to_string(size);
  }
  void expect_exact_download() {
    const Fetch& fetch = world.get(url());
    ASSERT_TRUE(fetch.end.has_value())
        << (fetch.failed ? base::error_name(fetch.failed->error.code) : "no end");
    EXPECT_EQ(fetch.body, pattern(kTransfer));
  }
  /// The right bytes, or the first of them and an error.
  void expect_no_wrong_byte(const Fetch& fetch) {
    ASSERT_TRUE(fetch.done());
    const Bytes right = pattern(kTransfer);
    ASSERT_LE(fetch.body.size(), right.size());
    EXPECT_TRUE(std::equal(fetch.body.begin(), fetch.body.end(), right.begin()));
    EXPECT_TRUE(fetch.failed.has_value() || fetch.body == right);
  }
  /// When everybody keeps to the rules again, so does the tunnel.
  void expect_recovery() {
    world.set_link_tamper({});
    world.set_packet_tamper({});
    world.exit(kExitId).set_reply_tamper({});
    world.run_for(1min);
    ASSERT_EQ(world.engine().state(), tunnel::State::kReady);
    expect_exact_download();
  }
  Bytes garbage(std::size_t at_most) {
    Bytes out(below(at_most + 1));
    rng.fill(out);
    return out;
  }
  std::size_t below(std::size_t bound) { return static_cast<std::size_t>(rng.uniform(bound)); }
  bool in(std::size_t one_of) { return below(one_of) == 0; }
  Bytes flipped(Bytes bytes) {
    if (!bytes.empty()) {
      bytes[below(bytes.size())] ^= static_cast<std::uint8_t>(1U << below(8));
    }
    return bytes;
  }
  /// Repeats each item, and with it some earlier one.
  template <class Item>
  Tamper<Item> repeater() {
    return [this, kept = std::vector<Item>{}](const Item& item) mutable {
      kept.push_back(item);
      if (kept.size() > 256) kept.erase(kept.begin());
      return std::vector<Item>{item, item, kept.at(below(kept.size()))};
    };
  }
  /// Holds every third item back until one to three others have passed, the later the first.
  template <class Item>
  Tamper<Item> delayer() {
    return [this, held = std::vector<Item>{}](const Item& item) mutable {
      std::vector<Item> out;
      if (in(3) && held.size() < 3) {
        held.push_back(item);
        return out;
      }
      out.push_back(item);
      while (!held.empty() && in(2)) {
        out.push_back(std::move(held.back()));
        held.pop_back();
      }
      return out;
    };
  }

  World world{without_cover()};
  test::SeededRng rng{20};
};

// --- the entry gateway ---

using HostileEntry = Hostile;

TEST_F(HostileEntry, ThatRepeatsWhatItSentDoesNoHarm) {
  world.set_link_tamper(repeater<LinkFrame>());
  expect_exact_download();
  EXPECT_GT(world.engine().stats().mixnet.duplicates, 0U);
  expect_recovery();
}

TEST_F(HostileEntry, ThatHoldsFramesBackAndTurnsThemRoundDoesNoHarm) {
  world.set_link_tamper(delayer<LinkFrame>());
  expect_exact_download();
  expect_recovery();
}

TEST_F(HostileEntry, ThatMixesInGarbageDoesNoHarm) {
  world.set_link_tamper([&](const LinkFrame& frame) {
    std::vector<LinkFrame> out;
    switch (below(8)) {
      case 0:
        out.emplace_back(gateway::BinaryFrame{garbage(3000)});
        break;
      case 1:
        out.emplace_back(gateway::BinaryFrame{});
        break;
      case 2:
        out.emplace_back(gateway::BinaryFrame{Bytes(gateway::kMaxFrameSize + 1)});
        break;
      case 3:
        out.emplace_back(gateway::TextFrame{"<html>"});
        break;
      case 4:
        out.emplace_back(gateway::TextFrame{std::string(300'000, '[')});
        break;
      case 5:
        out.emplace_back(gateway::TextFrame{R"({"type":"error","message":"gone"})"});
        break;
      case 6:
        out.emplace_back(gateway::TextFrame{R"({"type":"nonsense","version":9})"});
        break;
      default:
        break;
    }
    out.push_back(frame);
    return out;
  });
  expect_exact_download();
  expect_recovery();
}

TEST_F(HostileEntry, ThatAltersFramesIsAsGoodAsOneThatLosesThem) {
  world.set_link_tamper([&](const LinkFrame& frame) -> std::vector<LinkFrame> {
    const auto* binary = std::get_if<gateway::BinaryFrame>(&frame);
    if (binary == nullptr || !in(10)) return {frame};
    return {gateway::BinaryFrame{flipped(binary->bytes)}};
  });
  expect_exact_download();
  expect_recovery();
}

// --- the exit ---

using HostileExit = Hostile;

TEST_F(HostileExit, ThatRepeatsItsMessagesDoesNoHarm) {
  world.exit(kExitId).set_reply_tamper(repeater<Bytes>());
  expect_exact_download();
  expect_recovery();
}

TEST_F(HostileExit, ThatTurnsItsMessagesRoundDoesNoHarm) {
  world.exit(kExitId).set_reply_tamper(delayer<Bytes>());
  expect_exact_download();
  expect_recovery();
}

TEST_F(HostileExit, ThatNamesWrongStreamsKindsAndVersionsIsNotHeard) {
  world.exit(kExitId).set_reply_tamper([&](const Bytes& message) {
    std::vector<Bytes> out;
    const auto altered = [&](std::size_t at, std::size_t size) {
      Bytes copy = message;
      for (std::size_t i = at; i < at + size && i < copy.size(); ++i) {
        copy[i] ^= static_cast<std::uint8_t>(1 + below(255));
      }
      out.push_back(std::move(copy));
    };
    switch (below(5)) {
      case 0:
        altered(0, ipr::kFrameKindSize);
        break;
      case 1:
        altered(ipr::kFrameKindSize, ipr::kStreamIdSize);
        break;
      case 2:
        altered(ipr::kFrameHeadSize, 1);
        break;  // the version
      case 3:
        out.push_back(garbage(2000));
        break;
      default:
        out.emplace_back(message.begin(), message.begin() + std::ssize(message) / 2);
        break;
    }
    out.push_back(message);
    return out;
  });
  expect_exact_download();
  expect_recovery();
}

TEST_F(HostileExit, ThatAltersItsMessagesBringsNoWrongByte) {
  world.exit(kExitId).set_reply_tamper([&](const Bytes& message) -> std::vector<Bytes> {
    return {in(4) ? flipped(message) : message};
  });
  for (int i = 0; i < 3; ++i) expect_no_wrong_byte(world.get(url()));
  expect_recovery();
}

// --- whoever routes packets to the exit ---

using HostileRouter = Hostile;

std::optional<TcpSegment> segment_of(ByteView packet) {
  constexpr std::uint8_t kTcp = 6;
  if (packet.size() < 40 || packet[0] != 0x45 || packet[9] != kTcp) return std::nullopt;
  return test::decode_tcp(packet);
}

TEST_F(HostileRouter, WhoGuessesAtResetsEndsNoConnection) {
  world.set_packet_tamper([&](const Bytes& packet) {
    std::vector<Bytes> out;
    if (const auto segment = segment_of(packet)) {
      for (int i = 0; i < 2; ++i) {
        TcpSegment forged = *segment;
        forged.flags = in(2) ? test::kRst : test::kRst | test::kAck;
        // In the window or out of it, but not the one number that counts.
        forged.sequence += static_cast<std::uint32_t>(segment->payload.size() + 1 +
                                                      below(in(2) ? 100'000 : 1U << 31U));
        forged.payload.clear();
        out.push_back(test::encode(forged));
      }
    }
    out.push_back(packet);
    return out;
  });
  expect_exact_download();
  expect_recovery();
}

TEST_F(HostileRouter, WhoSeesTheNumbersCanEndAConnectionButNotQuietly) {
  std::size_t passed = 0;
  world.set_packet_tamper([&](const Bytes& packet) -> std::vector<Bytes> {
    const auto segment = segment_of(packet);
    if (!segment || segment->payload.empty() || ++passed != 20) return {packet};
    TcpSegment forged = *segment;
    forged.flags = test::kRst | test::kAck;
    forged.payload.clear();
    return {test::encode(forged)};
  });
  const Fetch& fetch = world.get(url());
  expect_no_wrong_byte(fetch);
  ASSERT_TRUE(fetch.failed.has_value());
  EXPECT_EQ(fetch.failed->error.code, Errc::net_connection_reset);
  expect_recovery();
}

TEST_F(HostileRouter, WhoInventsSegmentsIsNotHeard) {
  world.set_packet_tamper([&](const Bytes& packet) {
    std::vector<Bytes> out;
    if (const auto segment = segment_of(packet)) {
      TcpSegment forged = *segment;
      switch (below(7)) {
        case 0:  // a handshake that nobody asked for
          forged.flags = in(2) ? test::kSyn : test::kSyn | test::kAck;
          break;
        case 1:  // for bytes that were never sent
          forged.acknowledged += 1'000'000;
          break;
        case 2:
          forged.acknowledged -= 1'000'000;
          break;
        case 3:  // far beyond the window
          forged.sequence += 0x4000'0000;
          forged.payload = garbage(1000);
          break;
        case 4:
          forged.from.port ^= 1;
          break;
        case 5:
          forged.to.port ^= 1;
          break;
        default:
          forged.from.address = *net::parse_ip("203.0.113.66");
          break;
      }
      out.push_back(test::encode(forged));
    }
    out.push_back(packet);
    return out;
  });
  expect_exact_download();
  expect_recovery();
}

TEST_F(HostileRouter, WhoSendsPacketsOfNoSenseIsNotHeard) {
  world.set_packet_tamper([&](const Bytes& packet) {
    std::vector<Bytes> out{packet};
    Bytes head(packet.begin(), packet.begin() + std::min<std::ptrdiff_t>(20, std::ssize(packet)));
    switch (below(3)) {
      case 0:  // a good address, and nothing good behind it
        base::append(head, garbage(1400));
        out.push_back(std::move(head));
        break;
      case 1:
        out.push_back(std::move(head));
        break;
      default:
        out.push_back(flipped(packet));
        break;
    }
    return out;
  });
  expect_exact_download();
  expect_recovery();
}

TEST_F(HostileRouter, WhoAltersBytesOfTlsIsFoundOut) {
  std::size_t passed = 0;
  world.set_packet_tamper([&](const Bytes& packet) -> std::vector<Bytes> {
    const auto segment = segment_of(packet);
    if (!segment || segment->payload.size() < 500 || ++passed != 10) return {packet};
    TcpSegment altered = *segment;
    altered.payload = flipped(altered.payload);
    return {test::encode(altered)};  // its checksums are right
  });
  const Fetch& fetch = world.get(url());
  expect_no_wrong_byte(fetch);
  ASSERT_TRUE(fetch.failed.has_value());
  EXPECT_EQ(base::error_class(fetch.failed->error.code), base::ErrorClass::tls)
      << base::error_name(fetch.failed->error.code);
  expect_recovery();
}

TEST_F(HostileRouter, WhoForgesAnswersOfTheResolverIsNotBelieved) {
  std::size_t forged = 0;
  world.set_packet_tamper([&](const Bytes& packet) {
    std::vector<Bytes> out;
    constexpr std::uint8_t kUdp = 17;
    constexpr std::size_t kIp = 20, kHead = 8, kIdAt = kHead, kMany = 20;
    const bool is_answer = packet.size() > kIp + kHead + 12 && packet[0] == 0x45 &&
                           packet[9] == kUdp && packet[kIp] == 0 && packet[kIp + 1] == 53;
    for (std::size_t i = 0; is_answer && i < kMany; ++i) {
      Bytes datagram(packet.begin() + kIp, packet.end());
      // The last four bytes of an answer with A alone are its address.
      datagram[datagram.size() - 1] ^= 0x55;
      datagram[kIdAt] ^= static_cast<std::uint8_t>(1 + below(255));
      datagram[6] = datagram[7] = 0;  // checksum
      const Bytes whole = test::ip_packet(
          net::Ipv4{*base::Reader(ByteView(packet).subspan(12)).fixed<4>()},
          net::Ipv4{*base::Reader(ByteView(packet).subspan(16)).fixed<4>()}, kUdp, datagram, 6);
      out.push_back(whole);
      ++forged;
    }
    out.push_back(packet);
    return out;
  });
  const Lookup found = world.look_up(kHost);
  ASSERT_TRUE(found.finished.has_value());
  for (const auto& address : found.finished->addresses) EXPECT_EQ(address, kServerIpv4);
  EXPECT_GT(forged, 0U);
  expect_recovery();
}

}  // namespace
}  // namespace mix::sim
