#include "mix/mixnet/fragment.h"

#include <gtest/gtest.h>

#include <set>

#include "mangle.h"
#include "mix/crypto/hash.h"
#include "mix/mixnet/padding.h"
#include "support/seeded_rng.h"
#include "support/vectors.h"

namespace mix::mixnet {
namespace {

constexpr std::size_t kRegular = 1611;

std::string digest_start(base::ByteView bytes) {
  return base::hex_encode(crypto::sha256(bytes)).substr(0, 16);
}

TEST(Fragment, SizesAreThoseOfTheSpec) {
  EXPECT_EQ(fragment_bytes(sphinx::PacketSize::kRegular), 1611u);
  EXPECT_EQ(fragment_bytes(sphinx::PacketSize::kExtended8), 7755u);
  EXPECT_EQ(fragment_bytes(sphinx::PacketSize::kExtended16), 15947u);
  EXPECT_EQ(fragment_bytes(sphinx::PacketSize::kExtended32), 32331u);
}

TEST(Fragment, SplitsLikeTheReference) {
  for (const auto& v : test::load_vectors("fragments.json")) {
    if (v.contains("counts")) continue;
    const auto length = v["length"].get<std::size_t>();
    const auto p = v["plaintext_per_packet"].get<std::size_t>();
    const base::Bytes message = test::pattern(length, v["pattern_seed"].get<std::size_t>());
    std::vector<SetId> ids;
    for (const auto& id : v["set_ids"]) ids.push_back({id.get<std::uint32_t>()});
    const auto fragments = split(message, p, ids);
    ASSERT_EQ(fragments.size(), v["fragments"].size()) << length;
    EXPECT_EQ(fragments.size(), v["fragment_count"].get<std::size_t>());
    base::Bytes together;
    for (std::size_t i = 0; i < fragments.size(); ++i) {
      const auto& expected = v["fragments"][i];
      const auto view = FragmentView::decode(fragments[i].bytes);
      ASSERT_TRUE(view);
      EXPECT_EQ(view->payload.size(), expected["payload_len"].get<std::size_t>());
      EXPECT_EQ(base::hex_encode(base::ByteView(fragments[i].bytes).first(view->header.size())),
                expected["header"].get<std::string>());
      EXPECT_EQ(digest_start(fragments[i].bytes), expected["sha256"].get<std::string>());
      EXPECT_EQ(view->header.id(), fragments[i].id);
      base::append(together, view->payload);
    }
    EXPECT_EQ(together, message);
  }
}

TEST(SplitPlan, PredictsLikeTheReference) {
  std::size_t rows = 0;
  for (const auto& v : test::load_vectors("fragments.json")) {
    if (!v.contains("counts")) {
      const SplitPlan plan =
          plan_split(v["length"].get<std::size_t>(), v["plaintext_per_packet"].get<std::size_t>());
      EXPECT_EQ(plan.fragments, v["predicted_count"].get<std::size_t>()) << v["length"];
      EXPECT_EQ(plan.room, v["predicted_space_left"].get<std::size_t>()) << v["length"];
      continue;
    }
    // Columns: plaintext_per_packet, length, fragments, space_left.
    for (const auto& row : v["counts"]) {
      const SplitPlan plan = plan_split(row[1].get<std::size_t>(), row[0].get<std::size_t>());
      EXPECT_EQ(plan.fragments, row[2].get<std::size_t>()) << row;
      EXPECT_EQ(plan.room, row[3].get<std::size_t>()) << row;
      ++rows;
    }
  }
  EXPECT_GT(rows, 40u);
}

TEST(SplitPlan, AgreesWithTheSplitAtEverySetBoundary) {
  test::SeededRng rng(2);
  constexpr std::size_t kSmall = 40;  // a small fragment keeps many sets cheap
  const std::size_t single = 255 * (kSmall - 7);
  for (const std::size_t around : {single, 2 * (single - 3), 2 * (single - 3) + single - 6}) {
    for (std::size_t size = around - 3; size <= around + 40; ++size) {
      const base::Bytes message = test::pattern(size, 1);
      const SplitPlan plan = plan_split(size, kSmall);
      const auto fragments = split(message, kSmall, rng);
      ASSERT_EQ(fragments.size(), plan.fragments);
      EXPECT_EQ(fragments.back().bytes.size() + plan.room, kSmall);
      for (std::size_t i = 0; i + 1 < fragments.size(); ++i) {
        EXPECT_EQ(fragments[i].bytes.size(), kSmall);
      }
    }
  }
}

TEST(FragmentHeader, RefusesWhatTheSpecRefuses) {
  const auto refused = [](std::string_view hex) {
    const base::Bytes bytes = *base::hex_decode(hex);
    base::Reader in(bytes);
    return !FragmentHeader::decode(in).has_value() && in.remaining() == bytes.size();
  };
  EXPECT_FALSE(refused("80000001010100"));
  EXPECT_TRUE(refused("00000001010100")) << "top bit not set";
  EXPECT_TRUE(refused("80000000010100")) << "set id 0";
  EXPECT_TRUE(refused("80000001000100")) << "total 0";
  EXPECT_TRUE(refused("80000001010000")) << "index 0";
  EXPECT_TRUE(refused("80000001010200")) << "index above total";
  EXPECT_FALSE(refused("80000001ff0180000002")) << "previous set";
  EXPECT_FALSE(refused("80000001ffff80000002")) << "next set";
  EXPECT_FALSE(refused("80000001010180000002")) << "last set of one fragment";
  EXPECT_TRUE(refused("80000001ff0280000002")) << "link in the middle";
  EXPECT_TRUE(refused("80000001050580000002")) << "next set of a set that is not full";
  EXPECT_TRUE(refused("80000001ff0101000002")) << "top bit of the link not set";
  EXPECT_TRUE(refused("80000001ff0180000001")) << "link to itself";
  EXPECT_TRUE(refused("80000001ff0180000000")) << "link to set 0";
  EXPECT_TRUE(refused("80000001ff01800000")) << "link cut off";
}

TEST(FragmentHeader, SurvivesMangledBytes) {
  for (const std::string_view good : {"80000001030200", "80000001ff0180000002"}) {
    test::mangle(*base::hex_decode(good), [](base::ByteView bytes) {
      const auto view = FragmentView::decode(bytes);
      if (!view) return;
      base::Writer again;
      view->header.encode(again);
      again.bytes(view->payload);
      EXPECT_EQ(again.take(), base::to_bytes(bytes));
    });
  }
}

TEST(FragmentId, KeepsSetAndIndex) {
  const FragmentId id{SetId{0x12345678}, 9};
  const auto bytes = id.encode();
  EXPECT_EQ(base::hex_encode(bytes), "1234567809");
  base::Reader in(bytes);
  EXPECT_EQ(*FragmentId::decode(in), id);
  EXPECT_TRUE((FragmentId{}).is_cover());
  EXPECT_FALSE(id.is_cover());
  const base::Bytes top_bit = *base::hex_decode("8234567809");
  base::Reader bad(top_bit);
  EXPECT_EQ(FragmentId::decode(bad).error().code, base::Errc::mixnet_bad_ack);
}

TEST(SetId, IsNeverZeroAndUses31Bits) {
  test::SeededRng rng(3);
  std::set<std::uint32_t> seen;
  std::uint32_t all_bits = 0;
  for (int i = 0; i < 1000; ++i) {
    const SetId id = SetId::generate(rng);
    EXPECT_GT(id.value, 0u);
    EXPECT_LT(id.value, 1u << 31);
    all_bits |= id.value;
    seen.insert(id.value);
  }
  EXPECT_EQ(all_bits, 0x7fff'ffffu);
  EXPECT_GT(seen.size(), 990u);
}

TEST(Padding, FillsWholeFragmentsAndComesOff) {
  for (const std::size_t size : {0u, 1u, 1602u, 1603u, 1604u, 5000u, 410'000u, 900'000u}) {
    const base::Bytes message = test::pattern(size, 5);
    const base::Bytes padded = pad(message, kRegular);
    EXPECT_EQ(plan_split(padded.size(), kRegular).room, 0u) << size;
    const auto back = unpad(padded);
    ASSERT_TRUE(back);
    EXPECT_TRUE(base::equal(*back, message)) << size;
  }
}

TEST(Padding, WithoutAMarkTheMessageIsLost) {
  EXPECT_EQ(unpad(base::Bytes(100, 0)).error().code, base::Errc::mixnet_bad_message);
  EXPECT_FALSE(unpad({}));
}

}  // namespace
}  // namespace mix::mixnet
