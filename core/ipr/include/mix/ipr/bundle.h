// Bundles: several IP packets in one message, each behind its length. spec: ipr §5.
#pragma once

#include <deque>
#include <optional>
#include <vector>

#include "mix/base/bytes.h"
#include "mix/base/time.h"
#include "mix/ipr/constants.h"

namespace mix::ipr {

/// Packets of a bundle (views into it) and how many bytes at its end were no whole packet.
struct Unbundled {
  std::vector<base::ByteView> packets;  // may hold empty ones
  std::size_t left_over = 0;
};
[[nodiscard]] Unbundled unbundle(base::ByteView bundle);

/// Appends length and packet; the packet must not be longer than kMaxBundledPacket.
void append_to_bundle(base::Bytes& bundle, base::ByteView packet);

/// The exit's bundler, one per client: holds packets back until a bundle is full or the flush
/// timer fires, which every emission restarts.
class ExitBundler {
 public:
  ExitBundler(base::Duration flush_after, base::TimePoint now);

  /// What the packet pushed out, if anything.
  [[nodiscard]] std::optional<base::Bytes> push(base::ByteView packet, base::TimePoint now);
  [[nodiscard]] std::optional<base::Bytes> flush(base::TimePoint now);
  /// None while nothing is held back.
  [[nodiscard]] base::Deadline next_deadline() const;

 private:
  base::Bytes buffer_;
  base::Duration flush_after_;
  base::TimePoint flush_at_;
};

/// The client's queue of packets that wait for the end of the turn: bundles that never exceed
/// kMaxBundleSize unless a single packet does, in order of arrival.
///
/// While packets wait longer (the schedule below is busy), a pure TCP acknowledgement replaces an
/// older one of the same connection when it tells all that the older one does: fewer bytes leave
/// more room for SURBs.
class PacketQueue {
 public:
  /// Takes the packet; false when the bound (packets or bytes) is reached.
  [[nodiscard]] bool push(base::ByteView packet);
  /// The next bundle; nothing when no packet waits.
  [[nodiscard]] std::optional<base::Bytes> pop_bundle();
  void clear();
  [[nodiscard]] bool empty() const { return packets_.empty(); }
  [[nodiscard]] std::size_t size() const { return packets_.size(); }
  /// Nothing but pure TCP acknowledgements waits.
  [[nodiscard]] bool has_only_acks() const { return others_ == 0; }

 private:
  void drop_covered_ack(base::ByteView packet);

  std::deque<base::Bytes> packets_;
  std::size_t others_ = 0;  // that are no pure acknowledgements
  std::size_t bytes_ = 0;
};

}  // namespace mix::ipr
