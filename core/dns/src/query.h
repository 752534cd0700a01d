// Query: one question put to one resolver, until it answers or has failed.
//
//   UDP --truncated, or the question's case was lost--> TCP (or TLS or HTTPS from the beginning)
//    |  \--no answer: again after 3 s, 6 s, 12 s ...       |
//    +-------------- answer / failure --------------------+
#pragma once

#include <memory>
#include <optional>
#include <variant>

#include "links.h"
#include "mix/dns/message.h"
#include "mix/dns/server.h"
#include "mix/net/stack.h"

namespace mix::dns {

/// What questions are sent with.
struct QueryServices {
  net::Stack& stack;
  base::Rng& rng;
  Links& links;
};

class Query {
 public:
  /// Sends the question: over UDP from a new random port, otherwise over a link. What `services`
  /// refers to outlives the query.
  Query(const QueryServices& services, const Server& server, const Question& question,
        base::Duration retransmit, base::TimePoint now);
  ~Query();
  Query(const Query&) = delete;
  Query& operator=(const Query&) = delete;

  /// Reads what arrived, repeats what got lost. The answer once it is there (code kNoError or
  /// kNameError, to our question) or why there will be none: `dns_server_failure` (detail: the
  /// code), `dns_malformed`, `net_*`. Not to be called again after that.
  [[nodiscard]] std::optional<base::Result<Message>> advance(base::TimePoint now);
  [[nodiscard]] base::Deadline next_deadline(base::TimePoint now) const;
  /// What was sent may have gone down with the path: a datagram is repeated now, and the intervals
  /// begin anew. Links look after themselves.
  void repeat(base::TimePoint now);
  /// The first time-out has passed.
  [[nodiscard]] bool is_late(base::TimePoint now) const { return now >= late_at_; }

 private:
  using Answer = std::optional<base::Result<Message>>;

  struct OverUdp {
    std::unique_ptr<net::UdpSocket> socket;
    base::Duration interval;
    base::TimePoint resend_at;
  };
  struct OverLink {
    Links::Ticket ticket;
    base::TimePoint give_up_at;
  };
  struct Failed {
    base::Error error;
  };
  enum class Fit { kForeign, kWrongCase, kOurs };

  void renew_identity();
  void send_datagram();
  void ask_by_link(base::TimePoint now);
  [[nodiscard]] Answer advance_udp(base::TimePoint now);
  [[nodiscard]] Answer advance_link(base::TimePoint now);
  [[nodiscard]] Fit fit_of(const Message& head) const;  // whatever its id
  [[nodiscard]] Answer read_answer(base::ByteView bytes, const Message& head) const;

  const QueryServices services_;
  const Server server_;
  Question question_;
  Question asked_;  // with the case that went out
  std::uint16_t id_ = 0;
  Edns edns_ = Edns::kOn;
  const base::Duration first_interval_;
  base::TimePoint late_at_;
  std::variant<OverUdp, OverLink, Failed> state_;
};

}  // namespace mix::dns
