#include "lzma.h"

#include <array>
#include <cstddef>

namespace mix::unpack {
namespace {

constexpr unsigned kLiteralContextBits = 3;
constexpr unsigned kLiteralModels = 0x300;  // one byte, of which a hint may be known

constexpr unsigned kProbabilityBits = 11;
constexpr unsigned kAdaptation = 5;
constexpr std::uint32_t kRenormaliseBelow = 1U << 24;

constexpr std::size_t kMinMatch = 2;
constexpr unsigned kSlotBits = 6;
constexpr std::size_t kSlots = std::size_t{1} << kSlotBits;
constexpr std::size_t kLengthClasses = 4;   // of the model of slots
constexpr unsigned kFirstModelledSlot = 4;  // below, the slot is the distance
constexpr unsigned kFirstEvenSlot = 14;     // from here on the middle bits have even odds
constexpr unsigned kAlignBits = 4;

// What the last symbols were, as far as it matters: below 7 the last one was a literal.
constexpr unsigned kStates = 12;
constexpr unsigned kAfterLiterals = 7;

/// Odds of a bit, in 1/2048.
class Odds {
 public:
  std::uint16_t of_zero = 1U << (kProbabilityBits - 1);
};
template <std::size_t N>
using Model = std::array<Odds, N>;

struct LengthModel {
  Model<2> choice;
  Model<8> low, middle;
  Model<256> high;
};

class Decoder {
 public:
  Decoder(std::span<const std::uint8_t> packed, std::span<std::uint8_t> out)
      : packed_(packed), out_(out) {}

  bool run() {
    // The first byte is always zero.
    for (int i = 0; i < 5; ++i) code_ = code_ << 8 | next_byte();
    while (filled_ < out_.size()) {
      if (!symbol() || at_ > packed_.size()) return false;
    }
    return true;
  }

 private:
  // --- the range decoder ---

  /// Past the end: zeros, which `run` notices.
  std::uint8_t next_byte() {
    const std::size_t at = at_++;
    return at < packed_.size() ? packed_[at] : std::uint8_t{0};
  }
  void renormalise() {
    if (range_ >= kRenormaliseBelow) return;
    range_ <<= 8;
    code_ = code_ << 8 | next_byte();
  }
  unsigned bit(Odds& odds) {
    const std::uint32_t bound = (range_ >> kProbabilityBits) * odds.of_zero;
    unsigned result = 0;
    if (code_ < bound) {
      range_ = bound;
      odds.of_zero = static_cast<std::uint16_t>(
          odds.of_zero + (((1U << kProbabilityBits) - odds.of_zero) >> kAdaptation));
    } else {
      range_ -= bound;
      code_ -= bound;
      odds.of_zero = static_cast<std::uint16_t>(odds.of_zero - (odds.of_zero >> kAdaptation));
      result = 1;
    }
    renormalise();
    return result;
  }
  /// Even odds, highest bit first.
  std::uint32_t even_bits(unsigned count) {
    std::uint32_t value = 0;
    for (unsigned i = 0; i < count; ++i) {
      range_ >>= 1;
      const bool one = code_ >= range_;
      if (one) code_ -= range_;
      value = value << 1 | (one ? 1U : 0U);
      renormalise();
    }
    return value;
  }
  unsigned tree(std::span<Odds> model, unsigned bits) {
    unsigned node = 1;
    for (unsigned i = 0; i < bits; ++i) node = node << 1 | bit(model[node]);
    return node - (1U << bits);
  }
  /// Lowest bit first.
  unsigned reverse_tree(std::span<Odds> model, unsigned bits) {
    unsigned node = 1, value = 0;
    for (unsigned i = 0; i < bits; ++i) {
      const unsigned one = bit(model[node]);
      node = node << 1 | one;
      value |= one << i;
    }
    return value;
  }

  // --- symbols ---

  bool symbol() {
    if (bit(is_match_[state_]) == 0) {
      literal();
      return true;
    }
    if (bit(is_repeat_[state_]) == 0) {
      const std::size_t count = length(match_length_);
      bring_forward(3);
      distances_[0] = distance(count);
      state_ = state_ < kAfterLiterals ? 7 : 10;
      return copy(count);
    }
    std::size_t age = 0;
    while (age < 3 && bit(is_older_[age][state_]) == 1) ++age;
    if (age == 0 && bit(is_one_byte_[state_]) == 0) {
      state_ = state_ < kAfterLiterals ? 9 : 11;
      return copy(1);
    }
    bring_forward(age);
    const std::size_t count = length(repeat_length_);
    state_ = state_ < kAfterLiterals ? 8 : 11;
    return copy(count);
  }

  void literal() {
    const unsigned before = filled_ == 0 ? 0 : out_[filled_ - 1];
    const auto model = std::span{literals_}.subspan(
        kLiteralModels * (before >> (8 - kLiteralContextBits)), kLiteralModels);
    unsigned node = 1;
    if (state_ >= kAfterLiterals) {
      // The byte that the last match would have given next is a hint, until it is wrong.
      unsigned hint = out_[filled_ - distances_[0] - 1];
      while (node < 0x100) {
        const unsigned hinted = hint >> 7 & 1;
        hint <<= 1;
        const unsigned actual = bit(model[((1 + hinted) << 8) + node]);
        node = node << 1 | actual;
        if (actual != hinted) break;
      }
    }
    while (node < 0x100) node = node << 1 | bit(model[node]);
    out_[filled_++] = static_cast<std::uint8_t>(node);
    state_ = state_ < 4 ? 0 : state_ < 10 ? state_ - 3 : state_ - 6;
  }

  std::size_t length(LengthModel& model) {
    if (bit(model.choice[0]) == 0) return kMinMatch + tree(model.low, 3);
    if (bit(model.choice[1]) == 0) return kMinMatch + 8 + tree(model.middle, 3);
    return kMinMatch + 16 + tree(model.high, 8);
  }

  /// Less 1.
  std::uint32_t distance(std::size_t matched) {
    const std::size_t length_class =
        matched - kMinMatch < kLengthClasses - 1 ? matched - kMinMatch : kLengthClasses - 1;
    const unsigned slot = tree(std::span{slots_}.subspan(length_class * kSlots), kSlotBits);
    if (slot < kFirstModelledSlot) return slot;
    const unsigned low = (slot >> 1) - 1;
    const std::uint32_t high = (2U | (slot & 1)) << low;
    if (slot < kFirstEvenSlot)
      return high + reverse_tree(std::span{middle_bits_}.subspan(high - slot), low);
    const std::uint32_t middle = even_bits(low - kAlignBits) << kAlignBits;
    return high + middle + reverse_tree(align_bits_, kAlignBits);
  }

  bool copy(std::size_t count) {
    if (distances_[0] >= filled_ || count > out_.size() - filled_) return false;
    // Byte by byte: source and destination may overlap.
    const std::size_t from = filled_ - distances_[0] - 1;
    for (std::size_t i = 0; i < count; ++i) out_[filled_ + i] = out_[from + i];
    filled_ += count;
    return true;
  }

  /// Makes the distance that was used `age` matches ago the latest one.
  void bring_forward(std::size_t age) {
    const std::uint32_t chosen = distances_[age];
    for (std::size_t i = age; i > 0; --i) distances_[i] = distances_[i - 1];
    distances_[0] = chosen;
  }

  const std::span<const std::uint8_t> packed_;
  const std::span<std::uint8_t> out_;
  std::size_t at_ = 0, filled_ = 0;
  std::uint32_t range_ = 0xffffffff, code_ = 0;

  unsigned state_ = 0;
  std::array<std::uint32_t, 4> distances_{};  // of the last matches, less 1, the latest first
  Model<kStates> is_match_, is_repeat_, is_one_byte_;
  std::array<Model<kStates>, 3> is_older_;
  Model<(kLiteralModels << kLiteralContextBits)> literals_;
  Model<kLengthClasses * kSlots> slots_;
  Model<128> middle_bits_;
  Model<(1 << kAlignBits)> align_bits_;
  LengthModel match_length_, repeat_length_;
};

}  // namespace

bool unpack_lzma(std::span<const std::uint8_t> packed, std::span<std::uint8_t> out) {
  return Decoder{packed, out}.run();
}

}  // namespace mix::unpack
