#include "mix/mixnet/reassembly.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "mix/mixnet/constants.h"
#include "support/seeded_rng.h"
#include "support/vectors.h"

namespace mix::mixnet {
namespace {

using namespace std::chrono_literals;
using Outcome = Reassembler::Outcome;

constexpr base::TimePoint kNow{1h};
constexpr std::size_t kSmall = 40;          // fragment size that keeps many sets cheap
constexpr std::size_t kPlenty = 16u << 20;  // bytes

FragmentView view(const base::Bytes& bytes) { return *FragmentView::decode(bytes); }

base::Bytes fragment(std::uint32_t set, std::uint8_t total, std::uint8_t index,
                     std::optional<SetLink> link = {}, std::size_t payload = 3) {
  base::Writer out;
  FragmentHeader{SetId{set}, total, index, link}.encode(out);
  out.fill(payload, index);
  return out.take();
}

SetLink previous(std::uint32_t set) { return {SetLink::Kind::kPrevious, SetId{set}}; }
SetLink next(std::uint32_t set) { return {SetLink::Kind::kNext, SetId{set}}; }

TEST(Reassembler, AnyOrderGivesTheSameMessage) {
  test::SeededRng rng(500);
  for (const std::size_t size : {1u, 33u, 34u, 8415u, 8416u, 16'824u, 16'825u, 33'000u}) {
    const base::Bytes message = test::pattern(size, 3);
    auto fragments = split(message, kSmall, rng);
    for (int round = 0; round < 4; ++round) {
      for (std::size_t i = fragments.size(); i > 1; --i) {
        std::swap(fragments[i - 1], fragments[static_cast<std::size_t>(rng.uniform(i))]);
      }
      Reassembler reassembler(kPlenty);
      for (std::size_t i = 0; i < fragments.size(); ++i) {
        const auto answer = reassembler.receive(view(fragments[i].bytes), kNow);
        if (i + 1 < fragments.size()) {
          ASSERT_EQ(answer.outcome, Outcome::kStored);
        } else {
          ASSERT_EQ(answer.outcome, Outcome::kComplete);
          EXPECT_EQ(answer.message, message);
        }
      }
      EXPECT_EQ(reassembler.buffered_fragments(), 0u);
      EXPECT_EQ(reassembler.buffered_bytes(), 0u);
    }
  }
}

TEST(Reassembler, ManyMessagesAtOnceStayApart) {
  test::SeededRng rng(501);
  struct Piece {
    std::size_t message;
    base::Bytes bytes;
  };
  std::vector<Piece> pieces;
  for (std::size_t m = 0; m < 20; ++m) {
    for (auto& f : split(test::pattern(300 + m, m), kSmall, rng)) {
      pieces.push_back({m, std::move(f.bytes)});
    }
  }
  for (std::size_t i = pieces.size(); i > 1; --i) {
    std::swap(pieces[i - 1], pieces[static_cast<std::size_t>(rng.uniform(i))]);
  }
  Reassembler reassembler(kPlenty);
  std::size_t complete = 0;
  for (const Piece& piece : pieces) {
    const auto answer = reassembler.receive(view(piece.bytes), kNow);
    if (answer.outcome != Outcome::kComplete) continue;
    ++complete;
    EXPECT_EQ(answer.message, test::pattern(300 + piece.message, piece.message));
  }
  EXPECT_EQ(complete, 20u);
}

TEST(Reassembler, DuplicatesAreToldBeforeAndAfterTheEnd) {
  Reassembler reassembler(kPlenty);
  const auto first = fragment(9, 2, 1);
  const auto second = fragment(9, 2, 2);
  EXPECT_EQ(reassembler.receive(view(first), kNow).outcome, Outcome::kStored);
  EXPECT_EQ(reassembler.receive(view(first), kNow).outcome, Outcome::kDuplicate);
  EXPECT_EQ(reassembler.receive(view(second), kNow).outcome, Outcome::kComplete);
  EXPECT_EQ(reassembler.receive(view(second), kNow).outcome, Outcome::kDuplicate);
  EXPECT_EQ(reassembler.receive(view(first), kNow + 24h).outcome, Outcome::kDuplicate);
}

TEST(Reassembler, DropsContradictions) {
  Reassembler reassembler(kPlenty);
  EXPECT_EQ(reassembler.receive(view(fragment(9, 3, 1)), kNow).outcome, Outcome::kStored);
  EXPECT_EQ(reassembler.receive(view(fragment(9, 4, 2)), kNow).outcome, Outcome::kContradiction);
  EXPECT_EQ(reassembler.receive(view(fragment(9, 3, 2)), kNow).outcome, Outcome::kStored);
  EXPECT_EQ(reassembler.receive(view(fragment(9, 3, 3)), kNow).outcome, Outcome::kComplete);
  // The same set cannot be both before and after.
  EXPECT_EQ(reassembler.receive(view(fragment(10, 255, 1, previous(11))), kNow).outcome,
            Outcome::kStored);
  EXPECT_EQ(reassembler.receive(view(fragment(10, 255, 255, next(11))), kNow).outcome,
            Outcome::kContradiction);
}

/// A full set whose outer fragments have these links.
std::vector<base::Bytes> full_set(std::uint32_t set, std::optional<SetLink> first,
                                  std::optional<SetLink> last) {
  std::vector<base::Bytes> out;
  out.push_back(fragment(set, 255, 1, first));
  for (int i = 2; i < 255; ++i) out.push_back(fragment(set, 255, static_cast<std::uint8_t>(i)));
  out.push_back(fragment(set, 255, 255, last));
  return out;
}

TEST(Reassembler, LinksInACircleAreDropped) {
  for (const std::uint32_t length : {2u, 3u, 5u}) {
    Reassembler reassembler(kPlenty);
    for (std::uint32_t set = 1; set <= length; ++set) {
      const std::uint32_t before = set == 1 ? length : set - 1;
      const std::uint32_t after = set == length ? 1 : set + 1;
      if (before == after) continue;  // two sets: refused as a contradiction, see above
      for (const auto& bytes : full_set(set, previous(before), next(after))) {
        EXPECT_NE(reassembler.receive(view(bytes), kNow).outcome, Outcome::kComplete);
      }
    }
    EXPECT_EQ(reassembler.buffered_fragments(), 0u);
    EXPECT_EQ(reassembler.buffered_bytes(), 0u);
  }
}

TEST(Reassembler, LinksThatDoNotAgreeAreDropped) {
  Reassembler reassembler(kPlenty);
  // Set 1 says that 2 follows; set 2 says that it follows 3.
  for (const auto& bytes : full_set(1, {}, next(2))) {
    (void)reassembler.receive(view(bytes), kNow);
  }
  EXPECT_EQ(reassembler.receive(view(fragment(3, 1, 1)), kNow).outcome, Outcome::kComplete);
  // Set 3 is finished: the chain cannot be completed, nothing comes out.
  EXPECT_EQ(reassembler.receive(view(fragment(2, 1, 1, previous(3))), kNow).outcome,
            Outcome::kStored);
  Reassembler other(kPlenty);
  for (const auto& bytes : full_set(1, {}, next(4))) (void)other.receive(view(bytes), kNow);
  // Set 2 claims to follow set 1, which names another set as the next.
  EXPECT_EQ(other.receive(view(fragment(2, 1, 1, previous(1))), kNow).outcome,
            Outcome::kContradiction);
  EXPECT_EQ(other.buffered_fragments(), 0u);
}

TEST(Reassembler, ForgetsAfterThirtyMinutesWithoutNews) {
  Reassembler reassembler(kPlenty);
  (void)reassembler.receive(view(fragment(1, 3, 1)), kNow);
  (void)reassembler.receive(view(fragment(1, 3, 2)), kNow + 20min);
  (void)reassembler.receive(view(fragment(7, 2, 1)), kNow + 49min);
  EXPECT_EQ(reassembler.buffered_fragments(), 3u);
  (void)reassembler.receive(view(fragment(8, 2, 1)), kNow + 50min);
  EXPECT_EQ(reassembler.buffered_fragments(), 2u);
  EXPECT_EQ(reassembler.receive(view(fragment(1, 3, 3)), kNow + 51min).outcome, Outcome::kStored);
}

TEST(Reassembler, MemoryIsBoundedAndTheMostSilentSetGoes) {
  Reassembler reassembler(200'000);
  for (std::uint32_t set = 1; set <= 1000; ++set) {
    (void)reassembler.receive(view(fragment(set, 2, 1, {}, 1600)), kNow + set * 1ms);
    EXPECT_LE(reassembler.buffered_bytes(), 200'000u);
  }
  EXPECT_EQ(reassembler.receive(view(fragment(1000, 2, 2)), kNow + 2s).outcome, Outcome::kComplete);
  EXPECT_EQ(reassembler.receive(view(fragment(1, 2, 2)), kNow + 2s).outcome, Outcome::kStored)
      << "the first half is gone";
  // Empty payloads cost too.
  Reassembler tiny(200'000);
  for (std::uint32_t set = 1; set <= 5000; ++set) {
    (void)tiny.receive(view(fragment(set, 255, 1, {}, 0)), kNow);
  }
  EXPECT_LE(tiny.buffered_fragments(), 100u);
}

TEST(Reassembler, TheWindowOfFinishedSetsIsBounded) {
  Reassembler reassembler(kPlenty);
  for (std::uint32_t set = 1; set <= kFinishedSetWindow + 10; ++set) {
    ASSERT_EQ(reassembler.receive(view(fragment(set, 1, 1)), kNow).outcome, Outcome::kComplete);
  }
  EXPECT_EQ(reassembler.finished_sets(), kFinishedSetWindow);
  EXPECT_EQ(reassembler.receive(view(fragment(11, 1, 1)), kNow).outcome, Outcome::kDuplicate);
  EXPECT_EQ(reassembler.receive(view(fragment(10, 1, 1)), kNow).outcome, Outcome::kComplete);
}

TEST(Reassembler, RandomFragmentsDoNoHarm) {
  test::SeededRng rng(502);
  Reassembler reassembler(100'000);
  for (int i = 0; i < 30'000; ++i) {
    base::Bytes bytes(14);
    rng.fill(bytes);
    bytes[0] = 0x80;
    bytes[1] = 0;
    bytes[2] = 0;
    bytes[3] = static_cast<std::uint8_t>(1 + bytes[3] % 6);
    bytes[4] = bytes[4] < 128 ? 255 : bytes[4];
    bytes[5] = bytes[5] < 64 ? 1 : bytes[5] < 128 ? 255 : bytes[5];
    if (bytes[6] < 200) {
      bytes[6] = 0;
    } else {
      bytes[6] = 0x80;
      bytes[7] = bytes[8] = 0;
      bytes[9] = static_cast<std::uint8_t>(1 + bytes[9] % 6);
    }
    const auto fragment_view = FragmentView::decode(bytes);
    if (fragment_view) (void)reassembler.receive(*fragment_view, kNow + i * 1ms);
    ASSERT_LE(reassembler.buffered_bytes(), 100'000u);
  }
}

}  // namespace
}  // namespace mix::mixnet
