#include "sha1.h"

#include <bit>

namespace mix::websocket {
namespace {

constexpr std::size_t kBlockSize = 64;
constexpr std::size_t kRounds = 80;

using State = std::array<std::uint32_t, 5>;

void compress(State& state, base::ByteView block) {
  std::array<std::uint32_t, kRounds> words{};
  base::Reader reader(block);
  for (std::size_t i = 0; i < 16; ++i) words[i] = reader.u32be().value();
  for (std::size_t i = 16; i < kRounds; ++i) {
    words[i] = std::rotl(words[i - 3] ^ words[i - 8] ^ words[i - 14] ^ words[i - 16], 1);
  }
  auto [a, b, c, d, e] = state;
  for (std::size_t i = 0; i < kRounds; ++i) {
    std::uint32_t f = 0, k = 0;
    if (i < 20) {
      f = (b & c) | (~b & d);
      k = 0x5a827999;
    } else if (i < 40) {
      f = b ^ c ^ d;
      k = 0x6ed9eba1;
    } else if (i < 60) {
      f = (b & c) | (b & d) | (c & d);
      k = 0x8f1bbcdc;
    } else {
      f = b ^ c ^ d;
      k = 0xca62c1d6;
    }
    const std::uint32_t next = std::rotl(a, 5) + f + e + k + words[i];
    e = d;
    d = c;
    c = std::rotl(b, 30);
    b = a;
    a = next;
  }
  const State sum{a, b, c, d, e};
  for (std::size_t i = 0; i < state.size(); ++i) state[i] += sum[i];
}

}  // namespace

std::array<std::uint8_t, 20> sha1(base::ByteView message) {
  base::Writer padded;
  padded.bytes(message).u8(0x80);
  while (padded.size() % kBlockSize != kBlockSize - sizeof(std::uint64_t)) padded.u8(0);
  padded.u64be(std::uint64_t{message.size()} * 8);
  State state{0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0};
  for (base::ByteView rest = padded.view(); !rest.empty(); rest = rest.subspan(kBlockSize)) {
    compress(state, rest.first(kBlockSize));
  }
  base::Writer digest;
  for (const std::uint32_t word : state) digest.u32be(word);
  std::array<std::uint8_t, 20> out{};
  std::copy(digest.view().begin(), digest.view().end(), out.begin());
  return out;
}

}  // namespace mix::websocket
