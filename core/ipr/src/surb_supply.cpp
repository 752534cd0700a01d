#include "mix/ipr/surb_supply.h"

#include <algorithm>
#include <cmath>

namespace mix::ipr {

using base::TimePoint;

namespace {

/// Time constant of the smoothed rate.
constexpr double kRateWindow = 1.0;  // s
/// What is on the way up and down belongs to the estimate, yet not to the exit's store.
constexpr double kRoundTrip = 0.15;  // s; spec: limits §2, §4
/// Store that lasts this long beyond the round trip, for a rate that grows.
constexpr double kHorizon = 0.3;  // s
constexpr double kIdleHighStock = 100;
/// The estimate's known excess fades, so that one starving moment is no lasting oversupply.
constexpr double kExcessFade = 1.0;  // SURBs per s

/// Content of a message that holds acknowledgements and the like.
constexpr std::size_t kSmallMessage = 256;

double seconds(base::Duration duration) { return std::chrono::duration<double>(duration).count(); }

std::size_t surb_size(SurbFormat format) {
  return format == SurbFormat::kSeeds ? kSurbSizeV2 : kSurbSizeV1;
}

std::size_t head_size(SurbFormat format) {
  return (format == SurbFormat::kSeeds ? kRepliableHeadV2 : kRepliableHeadV1) + kPaddingMark;
}

std::size_t packets_for(std::size_t bytes) {
  return (bytes + kFragmentPayload - 1) / kFragmentPayload;
}

std::uint32_t round(double value) { return static_cast<std::uint32_t>(std::lround(value)); }

}  // namespace

MessageRoom message_room(std::size_t size, SurbFormat format) {
  const std::size_t bytes = head_size(format) + size;
  const std::size_t packets = packets_for(bytes);
  return {packets,
          static_cast<std::uint32_t>((packets * kFragmentPayload - bytes) / surb_size(format))};
}

std::uint32_t fill_packets(std::uint32_t at_least, SurbFormat format) {
  const std::size_t packets = packets_for(head_size(format) + at_least * surb_size(format));
  const std::size_t surbs = (packets * kFragmentPayload - head_size(format)) / surb_size(format);
  return static_cast<std::uint32_t>(std::min(surbs, kMaxSurbsPerBulk));
}

void SurbSupply::set_estimate(std::uint32_t surbs, TimePoint now) {
  estimate_ = surbs;
  unreported_ = 0;
  excess_ = std::max(0.0, excess_ - kExcessFade * seconds(now - excess_at_));
  excess_at_ = now;
}

void SurbSupply::exit_asked(std::uint32_t amount, TimePoint now) {
  // It asks only below its threshold, so it holds at most that and what it now gets.
  const std::uint32_t held = kExitLowStock + amount + round(rate(now) * kRoundTrip);
  excess_ = std::max(0.0, static_cast<double>(estimate_) - static_cast<double>(held));
  excess_at_ = now;
}

void SurbSupply::on_reply(std::size_t size, TimePoint now) {
  const auto packets = static_cast<double>(packets_for(kReplyHead + size + kPaddingMark));
  rate_ = rate(now) + packets / kRateWindow;
  rate_at_ = now;
}

std::uint32_t SurbSupply::attach(std::size_t size, TimePoint now) {
  const std::uint32_t held = stock();
  // Room in a packet costs nothing, so it is used beyond what a message of SURBs alone would be
  // sent for.
  const std::uint32_t most = kExitMaxStock + round(rate(now) * kRoundTrip);
  const MessageRoom room = message_room(size, format_);
  if (held >= most || room.free_surbs == 0) return 0;
  std::uint32_t surbs = std::min(room.free_surbs, most - held);
  // Where the option asks for more than a packet takes, only small messages grow.
  if (size <= kSmallMessage) surbs = std::max(surbs, data_minimum_);
  on_attached(surbs);
  return surbs;
}

std::uint32_t SurbSupply::top_up(TimePoint now) {
  const std::uint32_t held = stock();
  const std::uint32_t low = low_mark(now);
  if (held >= low) return 0;
  const std::uint32_t target = (low + high_mark(now)) / 2;
  const std::uint32_t surbs = fill_packets(target - held, format_);
  on_attached(surbs);
  return surbs;
}

std::uint32_t SurbSupply::spare_room() const {
  return kExitMaxStock - std::min(stock() + kExitReserve, kExitMaxStock);
}

std::uint32_t SurbSupply::stock() const {
  const std::uint32_t sent = estimate_ + unreported_;
  return sent - std::min(sent, round(excess_));
}

std::uint32_t SurbSupply::low_mark(TimePoint now) const {
  return kExitLowStock + round(rate(now) * kRoundTrip);
}

std::uint32_t SurbSupply::high_mark(TimePoint now) const {
  const double stored =
      std::min(static_cast<double>(kExitMaxStock), kIdleHighStock + rate(now) * kHorizon);
  return round(stored + rate(now) * kRoundTrip);
}

double SurbSupply::rate(TimePoint now) const {
  return rate_ * std::exp(-seconds(now - rate_at_) / kRateWindow);
}

}  // namespace mix::ipr
