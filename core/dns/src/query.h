// Query: one question put to one resolver, until it answers or has failed.
//
//   UDP --truncated, or the question's case was lost--> TCP (or TLS or HTTPS from the beginning)
//    |  \--no answer: again after 3 s, 6 s, 12 s ...       |
//    +-------------- answer / failure --------------------+
#pragma once

#include <memory>
#include <optional>
#include <variant>

#include "mix/dns/message.h"
#include "mix/dns/server.h"
#include "mix/net/stack.h"

namespace mix::dns {

/// What questions are sent with.
struct QueryServices {
  net::Stack& stack;
  base::Rng& rng;
  StreamOpener* opener;  // null: TCP at most
};

class Query {
 public:
  /// Sends the question: over UDP from a new random port, otherwise over a new stream. What
  /// `services` refers to outlives the query.
  Query(const QueryServices& services, const Server& server, const Question& question,
        base::Duration retransmit, base::TimePoint now);

  /// Reads what arrived, repeats what got lost. The answer once it is there (code kNoError or
  /// kNameError, to our question) or why there will be none: `dns_server_failure` (detail: the
  /// code), `dns_malformed`, `net_*`. Not to be called again after that.
  [[nodiscard]] std::optional<base::Result<Message>> advance(base::TimePoint now);
  [[nodiscard]] base::Deadline next_deadline(base::TimePoint now) const;
  /// What was sent may have gone down with the path: a datagram is repeated now, and the intervals
  /// begin anew. Streams look after themselves.
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
  struct OverStream {
    std::unique_ptr<net::Stream> stream;
    base::Bytes to_send;  // what is left of length and question
    base::Bytes received;
    base::TimePoint give_up_at;
  };
  struct Failed {
    base::Error error;
  };
  enum class Fit { kForeign, kWrongCase, kOurs };

  void renew_identity();
  void send_datagram();
  void start_stream(base::TimePoint now);
  [[nodiscard]] base::Result<std::unique_ptr<net::Stream>> open_stream(base::TimePoint now);
  [[nodiscard]] Answer advance_udp(base::TimePoint now);
  [[nodiscard]] Answer advance_stream(base::TimePoint now);
  [[nodiscard]] Fit fit_of(const Message& head) const;
  [[nodiscard]] Answer read_answer(base::ByteView bytes, const Message& head) const;

  const QueryServices services_;
  const Server server_;
  Question question_;
  Question asked_;  // with the case that went out
  std::uint16_t id_ = 0;
  Edns edns_ = Edns::kOn;
  const base::Duration first_interval_;
  base::TimePoint late_at_;
  std::variant<OverUdp, OverStream, Failed> state_;
};

}  // namespace mix::dns
