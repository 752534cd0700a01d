// The exit's end of one TCP connection of a client, which stands in for the destination. It sends
// as the kernels of today's servers do: selective acknowledgements, window scaling, timestamps, and
// losses told from reordering by time (RFC 8985), since mixes reorder on purpose. libslirp's TCP
// knows none of these. Sans-I/O: segments and the target's bytes in, the same out.
//
// ```
//   SYN                accept()              ACK                    both FINs acknowledged
//  -----> kDialing -------------> kAccepting ----> kEstablished --------------------> kDone
//            | refuse()               | RST, silence    |                               ^
//            +------------------------+-----------------+-------------------------------+
// ```
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>

#include "mix/base/time.h"
#include "tcp_segment.h"

namespace mix::localnet {

struct TcpEndpointConfig {
  std::uint16_t mtu = 1420;
  std::size_t receive_buffer = std::size_t{1024} * 1024;  // bytes; bounds the window offered
  std::size_t send_buffer = std::size_t{1024} * 1024;     // bytes
};

class TcpEndpoint {
 public:
  /// `syn` is the client's first segment. `initial_sequence` and `clock_offset` (of the
  /// timestamps) must be random.
  TcpEndpoint(const TcpEndpointConfig& config, const TcpSegment& syn,
              std::uint32_t initial_sequence, std::uint32_t clock_offset);

  /// The target was reached: answers the SYN.
  void accept(base::TimePoint now);
  /// The target was not reached, or the connection to it broke: answers with RST.
  void reset();
  void receive(const TcpSegment& segment, base::TimePoint now);

  /// Bytes of the client for the target; `consume` what was taken.
  [[nodiscard]] base::ByteView readable() const;
  void consume(std::size_t size);
  /// The client ended its direction, and everything was consumed.
  [[nodiscard]] bool at_end() const;

  /// Room for the target's bytes.
  [[nodiscard]] std::size_t writable() const;
  void write(base::ByteView bytes);
  /// The target ended its direction.
  void finish();

  /// The next IP packet for the client. Call it until it gives nothing.
  [[nodiscard]] std::optional<base::Bytes> poll_output(base::TimePoint now);
  [[nodiscard]] base::Deadline next_deadline() const;
  void expire(base::TimePoint now);

  [[nodiscard]] bool is_dialing() const { return state_ == State::kDialing; }
  /// Nothing will come any more; false as long as `poll_output` has something.
  [[nodiscard]] bool is_done() const { return state_ == State::kDone && !reset_pending_; }
  /// It ended by a RST of the client or by silence.
  [[nodiscard]] bool was_aborted() const { return aborted_; }

  /// Segments sent and sent again, for tests.
  struct Stats {
    std::uint64_t sent = 0, resent = 0;
  };
  [[nodiscard]] Stats stats() const { return stats_; }

 private:
  enum class State : std::uint8_t { kDialing, kAccepting, kEstablished, kDone };

  /// Sent and not yet acknowledged. The key in the map is its first byte's position.
  struct InFlight {
    std::size_t size = 0;  // of the payload
    bool fin = false;
    base::TimePoint first_sent_at, sent_at;
    std::uint32_t transmissions = 1;
    bool sacked = false;
    bool lost = false;  // to be sent again
    [[nodiscard]] std::uint64_t length() const { return size + (fin ? 1 : 0); }
  };
  using Segments = std::map<std::uint64_t, InFlight>;
  /// Which of two segments was sent later; within one moment the position decides.
  struct SendOrder {
    base::TimePoint sent_at{};
    std::uint64_t position = 0;
    friend bool operator<(const SendOrder& a, const SendOrder& b) {
      return a.sent_at != b.sent_at ? a.sent_at < b.sent_at : a.position < b.position;
    }
    friend bool operator>(const SendOrder& a, const SendOrder& b) { return b < a; }
  };

  // Positions are 64 bits wide and count from the initial sequence numbers.
  [[nodiscard]] std::uint32_t sequence_of(std::uint64_t position) const;
  [[nodiscard]] static std::uint64_t unwrap(std::uint32_t number, std::uint32_t origin,
                                            std::uint64_t near);

  void on_handshake_ack(const TcpSegment& segment, base::TimePoint now);
  void on_ack(const TcpSegment& segment, base::TimePoint now);
  enum class RttSample : std::uint8_t { kTaken, kSkipped, kOfFirstCopy };
  void on_delivered(Segments::iterator at, RttSample sample, base::TimePoint now);
  void on_payload(const TcpSegment& segment, base::TimePoint now);
  void take_in_order();
  void note_rtt(base::Duration sample);
  void adapt_window(std::size_t delivered, base::TimePoint now);
  void mark_losses(base::TimePoint now);
  void mark_lost(InFlight& segment);
  void arm_retransmission(base::TimePoint now);
  void abort();
  void finish_if_over(base::TimePoint now);

  [[nodiscard]] base::Duration retransmission_timeout() const;
  [[nodiscard]] base::Duration reorder_timeout() const;
  [[nodiscard]] std::size_t segment_size() const;
  [[nodiscard]] std::size_t outstanding() const;
  [[nodiscard]] std::uint32_t timestamp(base::TimePoint now) const;
  [[nodiscard]] TcpSegment blank(base::TimePoint now) const;
  [[nodiscard]] base::Bytes emit(TcpSegment segment);
  [[nodiscard]] std::optional<base::Bytes> emit_lost(base::TimePoint now);
  [[nodiscard]] std::optional<base::Bytes> emit_new(base::TimePoint now);
  [[nodiscard]] base::Bytes emit_data(std::uint64_t position, const InFlight& segment,
                                      base::TimePoint now);
  [[nodiscard]] std::uint16_t window_field();

  const TcpEndpointConfig config_;
  const IpEndpoint local_, client_;
  const std::uint32_t send_origin_, receive_origin_, clock_offset_;
  // What the handshake settled.
  std::uint16_t max_segment_ = 536;
  std::uint8_t peer_shift_ = 0, own_shift_ = 0;
  bool has_timestamps_ = false, has_sack_ = false;
  State state_ = State::kDialing;

  // Sending. Position 0 is the SYN.
  std::deque<std::uint8_t> send_buffer_;  // from position acknowledged_ on (data begins at 1)
  std::uint64_t acknowledged_ = 0, next_ = 0;
  std::uint64_t peer_limit_ = 0;  // right edge of the peer's window
  Segments in_flight_;
  std::size_t lost_segments_ = 0;
  std::size_t outstanding_bytes_ = 0;
  std::size_t congestion_window_ = 0;
  std::size_t slow_start_limit_;
  bool finish_wanted_ = false, finish_sent_ = false, finish_acknowledged_ = false;
  bool syn_ack_pending_ = false, reset_pending_ = false, aborted_ = false;
  bool probe_pending_ = false;

  // Time.
  std::optional<base::Duration> smoothed_rtt_;
  base::Duration rtt_variation_{};
  std::optional<base::Duration> base_rtt_;
  std::uint32_t rtt_samples_ = 0;
  std::int64_t patience_ = 32;  // see kPatienceUnit
  base::TimePoint window_adapted_at_{};
  SendOrder newest_delivered_;  // of what arrived, the segment sent last
  base::Deadline retransmit_at_, losses_at_, acknowledge_at_, forget_at_;
  std::uint32_t backoff_ = 0;     // time-outs since something was delivered
  std::uint32_t unanswered_ = 0;  // and since anything was heard

  // Receiving. Position 0 is the SYN.
  base::Bytes received_;
  std::size_t received_from_ = 0;               // consumed part of received_
  std::map<std::uint64_t, base::Bytes> ahead_;  // out of order
  std::size_t ahead_bytes_ = 0;
  std::uint64_t expected_ = 1;                  // next byte wanted
  std::uint64_t promised_ = 1;                  // right edge of the window that was offered
  std::optional<std::uint64_t> client_finish_;  // position of its FIN
  std::uint32_t recent_timestamp_ = 0;
  std::uint64_t newest_block_ = 0;  // where the latest segment ahead begins
  std::uint32_t unacknowledged_segments_ = 0;
  bool acknowledge_now_ = false;

  Stats stats_;
};

}  // namespace mix::localnet
