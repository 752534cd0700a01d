// Notices an entry gateway's link that is dead without saying so, which is what sleep and changed
// networks leave behind: browsers cannot ping, but the gateway answers every packet. spec: gateway
// §1, §6.
#pragma once

#include <algorithm>

#include "mix/base/time.h"

namespace mix::tunnel {

class LinkWatch {
 public:
  static constexpr base::Duration kPatience = std::chrono::seconds{15};
  /// After a sleep the link is under suspicion.
  static constexpr base::Duration kShortPatience = std::chrono::seconds{4};

  void sent(base::TimePoint now) {
    if (!unanswered_since_) unanswered_since_ = now;
  }
  void heard(base::TimePoint now) {
    heard_at_ = now;
    unanswered_since_.reset();
    patience_ = kPatience;
  }
  /// The host was asleep: silence so far proves nothing, silence from now on soon does.
  void suspect(base::TimePoint now) {
    patience_ = kShortPatience;
    if (unanswered_since_) unanswered_since_ = now;
  }
  void reset() { *this = {}; }

  /// When the silence means that the link is dead.
  [[nodiscard]] base::Deadline deadline() const {
    if (!unanswered_since_) return std::nullopt;
    return *unanswered_since_ + patience_;
  }
  /// When anything last arrived.
  [[nodiscard]] base::Deadline heard_at() const { return heard_at_; }

 private:
  base::Deadline unanswered_since_;
  base::Deadline heard_at_;
  base::Duration patience_ = kPatience;
};

}  // namespace mix::tunnel
