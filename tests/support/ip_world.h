// A stack and the Internet joined by a link that delays, loses, doubles and overtakes, on virtual
// time. Native only, see internet.h.
#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <utility>

#include "mix/net/stack.h"
#include "support/internet.h"
#include "support/manual_clock.h"
#include "support/seeded_rng.h"

namespace mix::test {

struct Link {
  base::Duration delay = std::chrono::milliseconds{40};  // one way, at least
  base::Duration jitter = base::Duration::zero();        // mean of an exponential addition
  double loss = 0;                                       // probabilities per packet
  double duplication = 0;
  int mixes = 1;  // how many such additions
};

/// Three mixes of the network's present mean delay each way.
inline constexpr Link kMixnetLink{std::chrono::milliseconds{15}, std::chrono::milliseconds{15}, 0,
                                  0, 3};

inline constexpr net::Ipv4 kClientIpv4{{10, 0, 0, 7}};
inline constexpr net::Ipv6 kClientIpv6{{0xfc, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7}};

[[nodiscard]] inline net::StackConfig dual_stack(std::uint16_t mtu = 1420) {
  net::StackConfig config;
  config.mtu = mtu;
  config.ipv4 = kClientIpv4;
  config.ipv6 = kClientIpv6;
  return config;
}

class IpWorld {
 public:
  explicit IpWorld(std::uint64_t seed = 1, const net::StackConfig& config = dual_stack())
      : rng_(seed), stack_(net::Stack::create(config, clock_, rng_)) {}

  Link up, down;  // client to Internet, and back; may be changed at any time
  /// Sees each packet as it leaves its sender; returning false drops it.
  std::function<bool(const base::Bytes& packet)> tap_up, tap_down;
  /// Called in every turn: servers that answer by themselves.
  std::function<void()> on_turn;

  [[nodiscard]] net::Stack& stack() { return *stack_; }
  [[nodiscard]] Internet& internet() { return internet_; }
  [[nodiscard]] SeededRng& rng() { return rng_; }
  [[nodiscard]] ManualClock& clock() { return clock_; }
  [[nodiscard]] base::TimePoint now() const { return clock_.now(); }

  /// One turn: everything that is due now, until quiet.
  void turn() {
    bool moved = true;
    while (moved) {
      moved = false;
      while (!in_flight_.empty() && in_flight_.begin()->first <= now()) {
        const auto first = in_flight_.begin();
        const Flight flight = std::move(first->second);
        in_flight_.erase(first);
        if (flight.is_up) {
          internet_.receive(flight.packet, now());
        } else {
          stack_->receive(flight.packet, now());
        }
        moved = true;
      }
      if (base::is_due(stack_->next_deadline(), now())) stack_->expire(now());
      if (base::is_due(internet_.next_deadline(), now())) internet_.expire(now());
      if (on_turn) on_turn();
      while (auto packet = stack_->poll_output()) {
        if (!tap_up || tap_up(*packet)) launch(*packet, up, true);
        moved = true;
      }
      while (auto packet = internet_.poll_output()) {
        if (!tap_down || tap_down(*packet)) launch(*packet, down, false);
        moved = true;
      }
    }
  }

  /// The next moment at which something happens by itself.
  [[nodiscard]] base::Deadline next_event() const {
    base::Deadline next = base::earlier(stack_->next_deadline(), internet_.next_deadline());
    if (!in_flight_.empty()) next = base::earlier(next, in_flight_.begin()->first);
    return next;
  }

  /// Turns until `done` holds. False when `limit` passed or nothing would ever happen again.
  bool run_until(const std::function<bool()>& done,
                 base::Duration limit = std::chrono::minutes{10}) {
    const base::TimePoint end = now() + limit;
    while (true) {
      turn();
      if (done()) return true;
      const base::Deadline next = next_event();
      if (!next || *next > end) return false;
      if (*next > now()) clock_.advance(*next - now());
    }
  }

  /// Lets `time` pass, with everything that happens meanwhile.
  void run_for(base::Duration time) {
    const base::TimePoint end = now() + time;
    (void)run_until([] { return false; }, time);
    if (end > now()) clock_.advance(end - now());
    turn();
  }

  /// Forgets what is on its way.
  void lose_everything_in_flight() { in_flight_.clear(); }

 private:
  struct Flight {
    bool is_up;
    base::Bytes packet;
  };

  void launch(const base::Bytes& packet, const Link& link, bool is_up) {
    const int copies = rng_.unit() < link.duplication ? 2 : 1;
    for (int i = 0; i < copies; ++i) {
      if (rng_.unit() < link.loss) continue;
      base::TimePoint arrival = now() + link.delay;
      for (int mix = 0; mix < link.mixes; ++mix) arrival += rng_.exponential(link.jitter);
      in_flight_.emplace(arrival, Flight{is_up, packet});
    }
  }

  ManualClock clock_;
  SeededRng rng_;
  Internet internet_;
  std::unique_ptr<net::Stack> stack_;
  std::multimap<base::TimePoint, Flight> in_flight_;
};

}  // namespace mix::test
