#include "expansion.h"

#include <gtest/gtest.h>

#include <vector>

#include "header.h"
#include "support/vectors.h"

namespace mix::sphinx::detail {
namespace {

using test::hex;
using test::hex_array;

TEST(Expansion, PartsAreThoseOfTheNetwork) {
  for (const test::Json& vector : test::load_vectors("primitives.json", "expand_shared_secret")) {
    const Expansion keys{crypto::SharedSecret{hex_array<32>(vector["shared_secret"])}};
    EXPECT_EQ(base::hex_encode(keys.stream_key()), vector["stream_key"].get<std::string>());
    EXPECT_EQ(base::hex_encode(keys.mac_key()), vector["mac_key"].get<std::string>());
    EXPECT_EQ(base::hex_encode(keys.payload_key_seed()),
              vector["payload_key_seed"].get<std::string>());
    EXPECT_EQ(base::hex_encode(keys.blinding()), vector["blinding_factor"].get<std::string>());
    EXPECT_EQ(keys.replay_tag(), hex_array<32>(vector["replay_tag"]));
    for (const Version version :
         {Version::kUnclamped1, Version::kUnclamped257, Version::kLongKeys}) {
      EXPECT_EQ(base::hex_encode(keys.payload_key(version).reveal()),
                vector["long_payload_key"].get<std::string>());
    }
    EXPECT_TRUE(base::equal(keys.payload_key(Version::kSeeded).reveal(),
                            stretch_payload_key(keys.payload_key_seed()).reveal()));
  }
}

TEST(Expansion, StretchedSeedsAreThoseOfTheNetwork) {
  for (const test::Json& vector : test::load_vectors("primitives.json", "payload_key_from_seed")) {
    EXPECT_EQ(base::hex_encode(stretch_payload_key(hex(vector["seed"])).reveal()),
              vector["payload_key"].get<std::string>());
  }
}

TEST(Filler, IsThatOfTheNetwork) {
  for (const test::Json& vector : test::load_vectors("primitives.json", "filler")) {
    std::vector<Keystream> streams;
    for (const test::Json& expanded : vector["expanded"]) {
      streams.emplace_back();
      crypto::aes128_ctr_xor(base::ByteView{hex(expanded)}.first(kStreamKeySize), streams.back());
    }
    EXPECT_EQ(filler(streams), hex(vector["filler"]));
  }
}

TEST(Filler, IsEmptyWithoutForwardHops) { EXPECT_TRUE(filler({}).empty()); }

}  // namespace
}  // namespace mix::sphinx::detail
