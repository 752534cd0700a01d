// Links: the connections to resolvers, kept for a while between questions (RFC 7766 §6.2, RFC 7858
// §3.4, RFC 8484 §5.2), so that only the first question pays for their handshakes.
//
//   ask -> a link to this server that takes more, else a new one -> take
//   a link that has answered something and then ends: its open questions are put to a new one
#pragma once

#include <cstdint>
#include <list>
#include <map>
#include <memory>
#include <optional>

#include "mix/base/rng.h"
#include "mix/dns/link.h"
#include "mix/net/stack.h"

namespace mix::dns {

class Links {
 public:
  using Ticket = std::uint64_t;

  /// All outlive the links. Without an opener: TCP only.
  Links(net::Stack& stack, base::Rng& rng, LinkOpener* opener)
      : stack_(stack), rng_(rng), opener_(opener) {}

  /// Puts a question, of which the id is chosen here. Errors: `net_unreachable` (no opener),
  /// `net_out_of_memory` (all links are busy), and those of opening a link.
  [[nodiscard]] base::Result<Ticket> ask(const Server& server, base::Bytes message,
                                         base::TimePoint now);
  /// The answer, or why there is none; once.
  [[nodiscard]] std::optional<base::Result<base::Bytes>> take(Ticket ticket);
  void cancel(Ticket ticket);

  /// Called once per turn, before the answers are taken.
  void advance(base::TimePoint now);
  [[nodiscard]] base::Deadline next_deadline() const;

 private:
  struct Asked {
    Ticket ticket = 0;  // 0: nobody waits for the answer
    base::Bytes message;
    base::TimePoint since;
  };
  struct Kept {
    Server server;
    std::unique_ptr<Link> link;
    base::TimePoint expires;  // when nobody waits
    base::TimePoint heard;
    std::map<std::uint16_t, Asked> open = {};
    bool has_answered = false;
  };

  [[nodiscard]] static bool is_abandoned(const Kept& kept);
  [[nodiscard]] base::Result<Kept*> link_to(const Server& server, base::TimePoint now);
  [[nodiscard]] base::Result<std::unique_ptr<Link>> open(const Server& server, base::TimePoint now);
  void put(Kept& kept, Ticket ticket, base::Bytes message, base::TimePoint now);
  void read_replies(Kept& kept, base::TimePoint now);
  void settle(Kept& kept, Asked asked, base::Result<base::Bytes> reply, base::TimePoint now);
  void break_up(Kept& kept, const base::Error& error, base::TimePoint now);

  net::Stack& stack_;
  base::Rng& rng_;
  LinkOpener* const opener_;
  std::list<Kept> kept_;
  std::map<Ticket, base::Result<base::Bytes>> replies_;
  Ticket last_ticket_ = 0;
};

}  // namespace mix::dns
