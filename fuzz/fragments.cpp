// Fragments of strangers into reassembly, whatever their order: bounded, and never wrong.
#include "mix/mixnet/fragment.h"
#include "mix/mixnet/reassembly.h"
#include "support/target.h"

using namespace mix;

MIX_FUZZ(fragments) {
  constexpr std::size_t kMaxBytes = 16 * 1024;
  constexpr std::size_t kCost = 128;  // of one fragment beyond its payload, at most
  std::size_t largest = 0;
  mixnet::Reassembler reassembler(kMaxBytes);
  base::TimePoint now{};
  fuzz::Parts parts(input);
  while (!parts.empty()) {
    now += std::chrono::milliseconds{parts.u8()};
    const base::ByteView bytes = parts.part();
    const auto fragment = mixnet::FragmentView::decode(bytes);
    if (!fragment) continue;
    base::Writer again;
    fragment->header.encode(again);
    fuzz::require(again.size() == fragment->header.size() &&
                      again.size() + fragment->payload.size() == bytes.size(),
                  "a fragment's sizes disagree");
    const auto answer = reassembler.receive(*fragment, now);
    // The set that was just added to is never the one to go.
    largest = std::max(largest, fragment->payload.size());
    fuzz::require(reassembler.buffered_bytes() <= kMaxBytes + 255 * (largest + kCost),
                  "too much is kept");
    fuzz::require(
        answer.message.empty() || answer.outcome == mixnet::Reassembler::Outcome::kComplete,
        "a message that is not whole");
  }
  // What we cut comes together, in reverse order as well.
  fuzz::FixedRng rng;
  const auto cut = mixnet::split(input, 64, rng);
  mixnet::Reassembler whole(1 << 20);
  base::Bytes out;
  std::size_t completed = 0;
  for (auto fragment = cut.rbegin(); fragment != cut.rend(); ++fragment) {
    const auto view = mixnet::FragmentView::decode(fragment->bytes);
    fuzz::require(view.has_value(), "our own fragment is refused");
    auto answer = whole.receive(*view, now);
    if (answer.outcome == mixnet::Reassembler::Outcome::kComplete) {
      ++completed;
      out = std::move(answer.message);
    }
  }
  fuzz::require(completed == (cut.empty() ? 0U : 1U), "a message came together more than once");
  fuzz::require(out.size() >= input.size() && std::equal(input.begin(), input.end(), out.begin()),
                "a message came together wrongly");
}
