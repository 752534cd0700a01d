#include "mix/mixnet/fragment.h"

#include <algorithm>

#include "mix/base/panic.h"

namespace mix::mixnet {

namespace {

using base::Errc;

constexpr std::uint32_t kTopBit = 0x8000'0000;
constexpr std::uint8_t kNoLink = 0;

/// The letters of spec: messages §5.
struct SetSizes {
  std::size_t short_payload;   // U
  std::size_t linked_payload;  // L
  std::size_t single_set;      // S0
  std::size_t outer_set;       // S1: first set; the most in a last set
  std::size_t middle_set;      // S2

  explicit SetSizes(std::size_t fragment_size) {
    constexpr std::size_t kLinkCost = kLinkedHeaderSize - kShortHeaderSize;
    if (fragment_size <= kLinkedHeaderSize) base::panic("split: fragments without payload");
    short_payload = fragment_size - kShortHeaderSize;
    linked_payload = fragment_size - kLinkedHeaderSize;
    single_set = kMaxSetFragments * short_payload;
    outer_set = single_set - kLinkCost;
    middle_set = single_set - 2 * kLinkCost;
  }

  [[nodiscard]] std::size_t sets_for(std::size_t size) const {
    if (size <= single_set) return 1;
    if (size <= 2 * outer_set) return 2;
    return 2 + (size - 2 * outer_set + middle_set - 1) / middle_set;
  }
};

std::size_t divide_up(std::size_t a, std::size_t b) { return (a + b - 1) / b; }

}  // namespace

SetId SetId::generate(base::Rng& rng) {
  std::uint32_t value = 0;
  while (value == 0) value = rng.u32() & ~kTopBit;
  return {value};
}

std::array<std::uint8_t, kFragmentIdSize> FragmentId::encode() const {
  base::Writer out(kFragmentIdSize);
  out.u32be(set.value).u8(index);
  std::array<std::uint8_t, kFragmentIdSize> bytes{};
  std::ranges::copy(out.view(), bytes.begin());
  return bytes;
}

base::Result<FragmentId> FragmentId::decode(base::Reader& in) {
  base::Reader ahead = in;
  FragmentId id;
  MIX_TRY(id.set.value, ahead.u32be());
  MIX_TRY(id.index, ahead.u8());
  if ((id.set.value & kTopBit) != 0) return Errc::mixnet_bad_ack;
  in = ahead;
  return id;
}

std::size_t FragmentHeader::size() const { return link ? kLinkedHeaderSize : kShortHeaderSize; }

// spec: messages §5.1
void FragmentHeader::encode(base::Writer& out) const {
  out.u32be(set.value | kTopBit).u8(total).u8(index);
  if (link) {
    out.u32be(link->set.value | kTopBit);
  } else {
    out.u8(kNoLink);
  }
}

base::Result<FragmentHeader> FragmentHeader::decode(base::Reader& in) {
  base::Reader ahead = in;
  FragmentHeader out;
  MIX_TRY(const std::uint32_t word, ahead.u32be());
  MIX_TRY(out.total, ahead.u8());
  MIX_TRY(out.index, ahead.u8());
  base::Reader link_at = ahead;
  MIX_TRY(const std::uint8_t link_mark, ahead.u8());
  if ((word & kTopBit) == 0 || word == kTopBit) return Errc::mixnet_bad_fragment;
  out.set.value = word & ~kTopBit;
  if (out.total == 0 || out.index == 0 || out.index > out.total) return Errc::mixnet_bad_fragment;
  if (link_mark != kNoLink) {
    MIX_TRY(const std::uint32_t link, link_at.u32be());
    if ((link & kTopBit) == 0 || link == kTopBit || link == word) return Errc::mixnet_bad_fragment;
    const SetId other{link & ~kTopBit};
    if (out.index == 1) {
      out.link = SetLink{SetLink::Kind::kPrevious, other};
    } else if (out.index == out.total && out.total == kMaxSetFragments) {
      out.link = SetLink{SetLink::Kind::kNext, other};
    } else {
      return Errc::mixnet_bad_fragment;
    }
    ahead = link_at;
  }
  in = ahead;
  return out;
}

base::Result<FragmentView> FragmentView::decode(base::ByteView bytes) {
  base::Reader in(bytes);
  MIX_TRY(const FragmentHeader header, FragmentHeader::decode(in));
  return FragmentView{header, in.rest()};
}

SplitPlan plan_split(std::size_t size, std::size_t fragment_size) {
  const SetSizes sizes(fragment_size);
  const std::size_t sets = sizes.sets_for(size);
  if (sets == 1) {
    const std::size_t fragments = std::max<std::size_t>(1, divide_up(size, sizes.short_payload));
    return {1, fragments, fragments * sizes.short_payload - size};
  }
  const std::size_t rest = size - sizes.outer_set - (sets - 2) * sizes.middle_set;
  const std::size_t before = (sets - 1) * kMaxSetFragments;
  if (rest <= sizes.linked_payload) return {sets, before + 1, sizes.linked_payload - rest};
  const std::size_t more = divide_up(rest - sizes.linked_payload, sizes.short_payload);
  return {sets, before + 1 + more, sizes.linked_payload + more * sizes.short_payload - rest};
}

std::vector<Fragment> split(base::ByteView message, std::size_t fragment_size,
                            std::span<const SetId> set_ids) {
  const SplitPlan plan = plan_split(message.size(), fragment_size);
  if (set_ids.size() != plan.sets) base::panic("split: one set id per set is needed");
  std::vector<Fragment> out;
  out.reserve(plan.fragments);
  base::Reader in(message);
  for (std::size_t set = 0; set < plan.sets; ++set) {
    const bool last_set = set + 1 == plan.sets;
    const std::size_t total = last_set ? plan.fragments - set * kMaxSetFragments : kMaxSetFragments;
    for (std::size_t index = 1; index <= total; ++index) {
      FragmentHeader header{.set = set_ids[set],
                            .total = static_cast<std::uint8_t>(total),
                            .index = static_cast<std::uint8_t>(index),
                            .link = {}};
      if (index == 1 && set > 0) {
        header.link = SetLink{SetLink::Kind::kPrevious, set_ids[set - 1]};
      } else if (index == kMaxSetFragments && !last_set) {
        header.link = SetLink{SetLink::Kind::kNext, set_ids[set + 1]};
      }
      base::Writer bytes(fragment_size);
      header.encode(bytes);
      const std::size_t payload = std::min(fragment_size - header.size(), in.remaining());
      bytes.bytes(in.bytes(payload).value());
      out.push_back({header.id(), bytes.take()});
    }
  }
  if (!in.empty()) base::panic("split: bytes are left over");
  return out;
}

std::vector<Fragment> split(base::ByteView message, std::size_t fragment_size, base::Rng& rng) {
  std::vector<SetId> ids(plan_split(message.size(), fragment_size).sets);
  for (std::size_t i = 0; i < ids.size(); ++i) {
    // A link to itself would be malformed; other repetitions are as unlikely but harmless.
    do {
      ids[i] = SetId::generate(rng);
    } while (i > 0 && ids[i] == ids[i - 1]);
  }
  return split(message, fragment_size, ids);
}

}  // namespace mix::mixnet
