// Loss recovery of the sending side, in place of lwIP's.
//
// lwIP takes three duplicate acknowledgements for a loss; behind mixes, which reorder on purpose,
// they are the rule and each would halve the rate. Here duplicates must have lasted for a window of
// time that follows the reordering seen (the idea of RACK, RFC 8985); meanwhile each lets one more
// segment out. Then the congestion window shrinks to 0.7 (RFC 9438 §4.6) and holes are repaired one
// a round trip (RFC 6582). If the peer's timestamps tell that the first copy had arrived after all,
// everything is put back (RFC 3522).
#pragma once

#include <cstdint>
#include <optional>

#include "lwip.h"
#include "mix/base/time.h"
#include "mix/net/constants.h"

namespace mix::net {

/// How long segments overtake one another in this tunnel; shared by its connections.
class ReorderWindow {
 public:
  [[nodiscard]] base::Duration length() const;
  /// Duplicates went on for so long without a loss.
  void note(base::Duration lasted);

 private:
  base::Duration longest_ = kInitialReorderWindow * 2 / 3;  // fades
};

/// Of one connection. Milliseconds are those of its timestamps.
class LossRecovery {
 public:
  /// `echoed`: the timestamp of ours that the segment repeats.
  void before_segment(tcp_pcb& pcb, std::optional<std::uint32_t> echoed);
  /// Does nothing unless a segment was processed. Returns the echoed timestamp when the segment
  /// acknowledged something new: a sample of the round trip (RFC 7323 §4.1).
  std::optional<std::uint32_t> after_segment(tcp_pcb& pcb, base::TimePoint now,
                                             ReorderWindow& window);
  /// When the duplicates will mean a loss.
  [[nodiscard]] base::Deadline deadline(const tcp_pcb& pcb, const ReorderWindow& window) const;
  /// They do: repeats the first segment.
  void begin(tcp_pcb& pcb, std::uint32_t milliseconds);

 private:
  struct Recovery {
    std::uint32_t until = 0;  // goes on until this number is acknowledged
    std::uint32_t began = 0;  // milliseconds
    tcpwnd_size_t old_window = 0, old_threshold = 0;
    bool is_judged = false;  // an acknowledgement has told whether there was a loss
  };

  void grow(tcp_pcb& pcb) const;
  void inflate(tcp_pcb& pcb);
  void deflate(tcp_pcb& pcb);
  [[nodiscard]] bool was_spurious() const;

  std::uint32_t duplicates_ = 0;  // in a row
  base::TimePoint duplicates_since_;
  std::optional<Recovery> recovery_;
  /// Part of the congestion window that stands for what the duplicates say has arrived, and the
  /// window with it: another value there is lwIP's doing.
  std::uint32_t inflation_ = 0;
  std::uint32_t inflated_window_ = 0;

  // Of the segment in hand.
  bool has_segment_ = false;
  std::uint8_t counted_ = 0;        // lwIP's duplicates before it
  std::uint32_t acknowledged_ = 0;  // and the number up to which all was acknowledged
  std::optional<std::uint32_t> echoed_;
};

}  // namespace mix::net
