#include "mix/mixnet/reply_keys.h"

#include <gtest/gtest.h>

#include "support/seeded_rng.h"

namespace mix::mixnet {
namespace {

using namespace std::chrono_literals;

constexpr base::TimePoint kNow{1h};

class ReplyKeysTest : public ::testing::Test {
 protected:
  test::SeededRng rng{600};
  ReplyKeys keys{24h, 1000};

  Recipient recipient(std::uint8_t number) {
    Recipient out;
    out.identity.bytes[0] = number;
    return out;
  }
  FragmentKey store(const Recipient& to, std::uint32_t rotation = 5, base::TimePoint now = kNow) {
    FragmentKey key{rng.bytes<16>()};
    (void)keys.tag_for(to, rng);
    keys.store(key, to, rotation, now);
    return key;
  }
};

TEST_F(ReplyKeysTest, AKeyIsGivenOnce) {
  const FragmentKey key = store(recipient(1));
  const auto digest = reply_key_digest(key);
  EXPECT_FALSE(keys.was_taken(digest));
  const auto taken = keys.take(digest);
  ASSERT_TRUE(taken);
  EXPECT_TRUE(crypto::ct_equal(taken->reveal(), key.reveal()));
  EXPECT_FALSE(keys.take(digest));
  EXPECT_TRUE(keys.was_taken(digest));
  EXPECT_FALSE(keys.take(ReplyKeyDigest{}));
  EXPECT_EQ(keys.size(), 0u);
}

TEST_F(ReplyKeysTest, ATagStaysWithItsRecipient) {
  EXPECT_FALSE(keys.find_tag(recipient(1)));
  const SenderTag tag = keys.tag_for(recipient(1), rng);
  EXPECT_EQ(keys.tag_for(recipient(1), rng), tag);
  EXPECT_EQ(keys.find_tag(recipient(1)), tag);
  EXPECT_NE(keys.tag_for(recipient(2), rng), tag);
  keys.forget(recipient(1));
  EXPECT_FALSE(keys.find_tag(recipient(1)));
  EXPECT_NE(keys.tag_for(recipient(1), rng), tag);
}

TEST_F(ReplyKeysTest, TagsAreBoundedAndTheLeastUsedGoes) {
  Recipient numbered;
  const auto numbered_recipient = [&](int i) {
    numbered.identity.bytes[0] = static_cast<std::uint8_t>(i);
    numbered.identity.bytes[1] = static_cast<std::uint8_t>(i / 256);
    return numbered;
  };
  for (int i = 0; i < 1024; ++i) (void)keys.tag_for(numbered_recipient(i), rng);
  (void)keys.tag_for(numbered_recipient(0), rng);
  (void)keys.tag_for(numbered_recipient(1024), rng);
  EXPECT_TRUE(keys.find_tag(numbered_recipient(0)));
  EXPECT_FALSE(keys.find_tag(numbered_recipient(1)));
}

TEST_F(ReplyKeysTest, CountsWhatARecipientShouldHold) {
  std::vector<FragmentKey> made;
  made.reserve(10);
  for (int i = 0; i < 10; ++i) made.push_back(store(recipient(1)));
  (void)store(recipient(2));
  EXPECT_EQ(keys.held_by(recipient(1)), 10u);
  EXPECT_EQ(keys.held_by(recipient(3)), 0u);
  (void)keys.take(reply_key_digest(made[0]));
  EXPECT_EQ(keys.held_by(recipient(1)), 9u);
  // The peer uses the oldest first: numbers 2 to 4 were used for packets that got lost.
  (void)keys.take(reply_key_digest(made[4]));
  EXPECT_EQ(keys.held_by(recipient(1)), 5u);
  (void)keys.take(reply_key_digest(made[2]));
  EXPECT_EQ(keys.held_by(recipient(1)), 5u) << "one that was late";
  EXPECT_EQ(keys.held_by(recipient(2)), 1u);
}

TEST_F(ReplyKeysTest, ARotationStartsTheCountAnewAndDropsWhatNoNodeCanRead) {
  const FragmentKey oldest = store(recipient(1), 3);
  const FragmentKey previous = store(recipient(1), 4);
  keys.rotation_changed(4);
  EXPECT_EQ(keys.held_by(recipient(1)), 0u);
  EXPECT_FALSE(keys.take(reply_key_digest(oldest)));
  (void)store(recipient(1), 5);
  EXPECT_EQ(keys.held_by(recipient(1)), 1u);
  EXPECT_TRUE(keys.take(reply_key_digest(previous))) << "its overlap, or the gateway's inbox";
  EXPECT_EQ(keys.held_by(recipient(1)), 1u);
}

TEST_F(ReplyKeysTest, KeysGoAfterADay) {
  const FragmentKey key = store(recipient(1), 5, kNow);
  const FragmentKey later = store(recipient(1), 5, kNow + 1h);
  EXPECT_EQ(keys.next_deadline(), kNow + 24h);
  keys.expire(kNow + 24h - 1ns);
  EXPECT_EQ(keys.size(), 2u);
  keys.expire(kNow + 24h);
  EXPECT_EQ(keys.size(), 1u);
  EXPECT_FALSE(keys.take(reply_key_digest(key)));
  EXPECT_TRUE(keys.take(reply_key_digest(later)));
  EXPECT_FALSE(keys.next_deadline());
}

TEST_F(ReplyKeysTest, KeysAreBoundedAndTheOldestGo) {
  const FragmentKey first = store(recipient(1));
  for (int i = 0; i < 1000; ++i) (void)store(recipient(1));
  EXPECT_EQ(keys.size(), 1000u);
  EXPECT_FALSE(keys.take(reply_key_digest(first)));
}

}  // namespace
}  // namespace mix::mixnet
