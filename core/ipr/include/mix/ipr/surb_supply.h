// How many reply SURBs go to the exit, and when. The exit's stock is kept in a band that follows
// the download rate: it must never fall to the exit's reserve, and what exceeds its store is wasted
// work. SURBs ride for free in the room that small messages leave in their packet; full data
// segments carry none; messages of SURBs alone are sent only when the stock runs low.
// spec: ipr §8, limits §1, §4.
#pragma once

#include <cstddef>
#include <cstdint>

#include "mix/base/time.h"
#include "mix/ipr/constants.h"

namespace mix::ipr {

/// spec: messages §3.1.
enum class SurbFormat : std::uint8_t { kSeeds, kLongKeys };

/// Packets and room of one anonymous message with `size` bytes of content.
struct MessageRoom {
  std::size_t packets = 0;
  std::uint32_t free_surbs = 0;  // that fit without a further packet
};
[[nodiscard]] MessageRoom message_room(std::size_t size, SurbFormat format);

/// The largest number of SURBs that needs no more packets than `at_least` do, in a message of SURBs
/// alone; at most kMaxSurbsPerBulk.
[[nodiscard]] std::uint32_t fill_packets(std::uint32_t at_least, SurbFormat format);

class SurbSupply {
 public:
  SurbSupply(std::uint32_t data_minimum, SurbFormat format)
      : data_minimum_(data_minimum), format_(format) {}

  /// The estimate of mixnet, which knows what was sent and which replies came back.
  void set_estimate(std::uint32_t surbs, base::TimePoint now);
  /// The exit asked for `amount`, and mixnet already counts them.
  void exit_asked(std::uint32_t amount, base::TimePoint now);
  /// A reply of `size` bytes came.
  void on_reply(std::size_t size, base::TimePoint now);

  /// SURBs for a data message of `size` bytes; counted as sent.
  [[nodiscard]] std::uint32_t attach(std::size_t size, base::TimePoint now);
  /// Counts SURBs that the caller attaches by itself.
  void on_attached(std::uint32_t surbs) { unreported_ += surbs; }
  /// How many to send in a message of their own; 0 while the stock suffices. Counted as sent.
  [[nodiscard]] std::uint32_t top_up(base::TimePoint now);

  /// How many more the exit could keep, for times in which sending them costs nothing.
  [[nodiscard]] std::uint32_t spare_room() const;

  /// What the exit is thought to hold.
  [[nodiscard]] std::uint32_t stock() const;
  /// The band of that number at the present rate.
  [[nodiscard]] std::uint32_t low_mark(base::TimePoint now) const;
  [[nodiscard]] std::uint32_t high_mark(base::TimePoint now) const;
  /// Replies per second, smoothed.
  [[nodiscard]] double rate(base::TimePoint now) const;

 private:
  std::uint32_t data_minimum_;
  SurbFormat format_;
  std::uint32_t estimate_ = 0;
  std::uint32_t unreported_ = 0;  // handed out since the estimate
  double excess_ = 0;             // of the estimate over the truth
  base::TimePoint excess_at_{};
  double rate_ = 0;
  base::TimePoint rate_at_{};
};

}  // namespace mix::ipr
