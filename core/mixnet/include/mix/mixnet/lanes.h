// The queues of fragments that wait to be sent, and the choice between them. Holds identifiers
// only: the fragments themselves belong to the AckTracker. spec: messages §10.4.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <vector>

#include "mix/base/rng.h"
#include "mix/base/time.h"
#include "mix/mixnet/fragment.h"
#include "mix/mixnet/lane.h"

namespace mix::mixnet {

/// First in, first out inside a lane. Between lanes: if some hold fewer than 100 packets, one of
/// these with equal chance, so that a bulk transfer cannot hold up a short message; otherwise with
/// probability 2/3 one of the four lanes that have sent most, else any.
class Lanes {
 public:
  void push(const Lane& lane, const FragmentId& id, base::TimePoint now);
  /// The next packet's fragment, or nothing when all lanes are empty.
  [[nodiscard]] std::optional<FragmentId> pop(base::Rng& rng);

  /// Deletes a lane and returns what was queued in it.
  [[nodiscard]] std::vector<FragmentId> remove(const Lane& lane);
  /// Deletes the lanes into which nothing was put for ten minutes; returns what was queued.
  [[nodiscard]] std::vector<FragmentId> expire(base::TimePoint now);
  /// The ten minutes of every lane start anew (sending was paused).
  void touch(base::TimePoint now);
  [[nodiscard]] base::Deadline next_deadline() const;

  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] std::size_t size(const Lane& lane) const;

 private:
  struct Queue {
    std::deque<FragmentId> ids;
    std::uint64_t sent = 0;
    base::TimePoint last_push;
  };
  using Queues = std::map<Lane, Queue>;

  [[nodiscard]] Queue& choose(base::Rng& rng);

  Queues queues_;
  std::size_t size_ = 0;
};

}  // namespace mix::mixnet
