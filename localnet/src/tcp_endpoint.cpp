#include "tcp_endpoint.h"

#include <algorithm>

namespace mix::localnet {

using base::Bytes;
using base::ByteView;
using base::Duration;
using base::TimePoint;
using namespace std::chrono_literals;

namespace {

constexpr std::size_t kIpv4Overhead = kIpv4HeaderSize + 20, kIpv6Overhead = kIpv6HeaderSize + 20;
constexpr std::size_t kTimestampsSize = 12;
constexpr std::uint8_t kOwnShift = 5;
constexpr std::uint16_t kMaxWindowField = 65535;

constexpr std::size_t kInitialSegments = 32;
constexpr std::size_t kMinWindowSegments = 4;
/// The first answer through five hops takes longer than RFC 6298's second at times.
constexpr Duration kFirstTimeout = 1500ms;
constexpr Duration kMinTimeout = 300ms;
constexpr Duration kMaxTimeout = 30s;
constexpr std::uint32_t kMaxUnanswered = 10;
/// How many variations of the round trip a segment may be overtaken, in parts of kPatienceUnit;
/// grows with each segment that was sent again for nothing.
constexpr std::int64_t kPatienceUnit = 8;
constexpr std::int64_t kPatienceStep = 1, kMaxPatience = 10 * kPatienceUnit;
constexpr Duration kAckDelay = 40ms;  // as Linux
constexpr std::uint32_t kSegmentsPerAck = 2;
constexpr Duration kForgetAfter = 5s;  // late FINs of the client are still answered

/// Round trips longer than the shortest by this much mean that packets wait in a queue. Single
/// ones vary widely because of the mixes, so the smoothed ones are compared.
constexpr std::uint32_t kSettledSamples = 16;
constexpr Duration kQueueSlack = 60ms;
/// The shortest is forgotten over so many samples, since routes change.
constexpr std::int64_t kBaseFade = 2048;
/// Beside a payload that leaves less room no ranges are told: the packet would exceed the MTU.
constexpr std::size_t kSackRoom = 36;

}  // namespace

TcpEndpoint::TcpEndpoint(const TcpEndpointConfig& config, const TcpSegment& syn,
                         std::uint32_t initial_sequence, std::uint32_t clock_offset)
    : config_(config),
      local_(syn.to),
      client_(syn.from),
      send_origin_(initial_sequence),
      receive_origin_(syn.sequence),
      clock_offset_(clock_offset),
      slow_start_limit_(config.send_buffer) {
  const bool v4 = local_.address.family == Family::kV4;
  const auto own_max =
      static_cast<std::uint16_t>(config.mtu - (v4 ? kIpv4Overhead : kIpv6Overhead));
  max_segment_ = std::min(own_max, std::max<std::uint16_t>(syn.max_segment.value_or(536), 64));
  if (syn.window_shift) {
    peer_shift_ = std::min<std::uint8_t>(*syn.window_shift, 14);
    own_shift_ = kOwnShift;
  }
  has_sack_ = syn.sack_permitted;
  if (syn.timestamps) {
    has_timestamps_ = true;
    recent_timestamp_ = syn.timestamps->value;
  }
  congestion_window_ = kInitialSegments * segment_size();
  peer_limit_ = 1 + syn.window;  // a SYN's window is not scaled
}

void TcpEndpoint::accept(TimePoint now) {
  if (state_ != State::kDialing) return;
  state_ = State::kAccepting;
  syn_ack_pending_ = true;
  retransmit_at_ = now + kFirstTimeout;
}

void TcpEndpoint::reset() {
  if (state_ == State::kDone) return;
  state_ = State::kDone;
  reset_pending_ = true;
}

void TcpEndpoint::abort() {
  state_ = State::kDone;
  aborted_ = true;
}

std::uint32_t TcpEndpoint::sequence_of(std::uint64_t position) const {
  return send_origin_ + static_cast<std::uint32_t>(position);
}

std::uint64_t TcpEndpoint::unwrap(std::uint32_t number, std::uint32_t origin, std::uint64_t near) {
  const std::uint32_t offset = number - origin - static_cast<std::uint32_t>(near);
  const auto signed_offset = static_cast<std::int32_t>(offset);
  // A number from before the beginning becomes a very large position, which nobody accepts.
  return near + static_cast<std::uint64_t>(static_cast<std::int64_t>(signed_offset));
}

void TcpEndpoint::receive(const TcpSegment& segment, TimePoint now) {
  if (state_ == State::kDone) return;
  const std::uint64_t position = unwrap(segment.sequence, receive_origin_, expected_);
  if (segment.flags.rst) {
    // Exactly the next byte, or anything while nothing is established. RFC 5961 §3.
    if (position == expected_ || state_ != State::kEstablished) {
      abort();
    } else if (position > expected_ && position < promised_) {
      acknowledge_now_ = true;
    }
    return;
  }
  if (state_ == State::kDialing) return;  // the SYN again
  if (segment.flags.syn) {
    if (state_ == State::kAccepting) {
      syn_ack_pending_ = true;
    } else {
      acknowledge_now_ = true;
    }
    return;
  }
  if (!segment.flags.ack) return;
  unanswered_ = 0;
  if (segment.timestamps && position <= expected_ &&
      static_cast<std::int32_t>(segment.timestamps->value - recent_timestamp_) >= 0) {
    recent_timestamp_ = segment.timestamps->value;
  }
  if (state_ == State::kAccepting) on_handshake_ack(segment, now);
  if (state_ != State::kEstablished) return;
  on_ack(segment, now);
  on_payload(segment, now);
  finish_if_over(now);
}

void TcpEndpoint::on_handshake_ack(const TcpSegment& segment, TimePoint /*now*/) {
  if (segment.acknowledged != sequence_of(1)) return;
  state_ = State::kEstablished;
  acknowledged_ = next_ = 1;
  retransmit_at_.reset();
  backoff_ = 0;
}

void TcpEndpoint::on_ack(const TcpSegment& segment, TimePoint now) {
  const std::uint64_t position = unwrap(segment.acknowledged, send_origin_, acknowledged_);
  if (position > next_) return;  // of what was never sent, or from before the beginning
  std::size_t delivered = 0;
  const auto deliver = [&](Segments::iterator at, RttSample sample) {
    if (at->second.sacked) return;
    delivered += at->second.size;
    on_delivered(at, sample, now);
  };
  if (position > acknowledged_) {
    std::uint64_t bytes = position - acknowledged_;
    // What lay behind a hole that was repaired had arrived long before it could be acknowledged.
    const bool repaired =
        std::any_of(in_flight_.begin(), in_flight_.lower_bound(position),
                    [](const auto& entry) { return entry.second.transmissions > 1; });
    const auto sample_of = [&](const InFlight& in_flight) {
      if (!repaired) return RttSample::kTaken;
      const bool older =
          segment.timestamps && in_flight.transmissions == 2 &&
          static_cast<std::int32_t>(segment.timestamps->echo - timestamp(in_flight.sent_at)) < 0;
      return older ? RttSample::kOfFirstCopy : RttSample::kSkipped;
    };
    while (!in_flight_.empty()) {
      const auto first = in_flight_.begin();
      const std::uint64_t end = first->first + first->second.length();
      if (end > position) break;
      deliver(first, sample_of(first->second));
      if (first->second.fin) {
        finish_acknowledged_ = true;
        --bytes;
      }
      in_flight_.erase(first);
    }
    // Nobody acknowledges half of a segment of ours but a peer that re-cut it; then it stays whole.
    if (!in_flight_.empty() && in_flight_.begin()->first < position) {
      bytes -= position - in_flight_.begin()->first;
      acknowledged_ = in_flight_.begin()->first;
    } else {
      acknowledged_ = position;
    }
    const auto count =
        static_cast<std::ptrdiff_t>(std::min<std::uint64_t>(bytes, send_buffer_.size()));
    send_buffer_.erase(send_buffer_.begin(), send_buffer_.begin() + count);
    backoff_ = 0;
  }
  for (const SackBlock& block : segment.sack) {
    const std::uint64_t begin = unwrap(block.begin, send_origin_, acknowledged_);
    const std::uint64_t end = unwrap(block.end, send_origin_, acknowledged_);
    if (begin >= end || end > next_) continue;
    for (auto at = in_flight_.lower_bound(begin);
         at != in_flight_.end() && at->first + at->second.length() <= end; ++at) {
      deliver(at, RttSample::kTaken);
      at->second.sacked = true;
    }
  }
  const std::uint64_t limit =
      position + (static_cast<std::uint64_t>(segment.window) << peer_shift_);
  if (limit > peer_limit_) {
    // A probe beyond the old edge was dropped by the peer.
    for (auto at = in_flight_.lower_bound(peer_limit_); at != in_flight_.end(); ++at) {
      if (!at->second.sacked && !at->second.fin) mark_lost(at->second);
      backoff_ = 0;
    }
    peer_limit_ = limit;
  }
  if (delivered > 0) adapt_window(delivered, now);
  mark_losses(now);
  if (delivered > 0 || in_flight_.empty()) arm_retransmission(now);
}

void TcpEndpoint::on_delivered(Segments::iterator at, RttSample sample, TimePoint now) {
  InFlight& segment = at->second;
  if (segment.lost) {
    segment.lost = false;
    --lost_segments_;
  } else {
    outstanding_bytes_ -= segment.size;
  }
  if (segment.transmissions > 1) {
    // Which copy arrived is known only when the client repeats the timestamp of an older one. Then
    // the first was slow, not lost, and must count, or the patience shrinks to what fast ones need.
    if (sample == RttSample::kOfFirstCopy) {
      note_rtt(now - segment.first_sent_at);
      patience_ = std::min(patience_ + kPatienceStep, kMaxPatience);
    }
    return;
  }
  if (sample == RttSample::kTaken) note_rtt(now - segment.sent_at);
  newest_delivered_ = std::max(newest_delivered_, SendOrder{segment.sent_at, at->first});
}

void TcpEndpoint::note_rtt(Duration sample) {
  ++rtt_samples_;
  if (!smoothed_rtt_) {
    smoothed_rtt_ = sample;
    rtt_variation_ = sample / 2;
  } else {
    const Duration error =
        sample > *smoothed_rtt_ ? sample - *smoothed_rtt_ : *smoothed_rtt_ - sample;
    // One acknowledgement tells of many segments, so samples come in flocks: a calm flock must not
    // end the patience.
    rtt_variation_ += (error - rtt_variation_) / (error > rtt_variation_ ? 8 : 64);
    *smoothed_rtt_ += (sample - *smoothed_rtt_) / 16;
  }
  if (rtt_samples_ >= kSettledSamples) {
    if (!base_rtt_ || *smoothed_rtt_ < *base_rtt_) base_rtt_ = smoothed_rtt_;
    *base_rtt_ += (*smoothed_rtt_ - *base_rtt_) / kBaseFade;
  }
}

/// Losses in a mixnet are chance, not congestion; what tells of congestion is waiting: for SURBs,
/// for the client's uplink, for a mix. So the window follows the round trip (as in RFC 6817), and
/// only silence halves it.
void TcpEndpoint::adapt_window(std::size_t delivered, TimePoint now) {
  const bool limited = outstanding_bytes_ + delivered + 2 * segment_size() >= congestion_window_;
  if (!base_rtt_ || !smoothed_rtt_) {
    if (limited) congestion_window_ += delivered;
  } else if (*smoothed_rtt_ < *base_rtt_ * 3 / 2 + kQueueSlack) {
    if (!limited) return;
    if (congestion_window_ < slow_start_limit_) {
      congestion_window_ += delivered;
    } else {
      congestion_window_ += delivered * segment_size() / congestion_window_ * 4 + 1;
    }
  } else if (*smoothed_rtt_ > *base_rtt_ * 2 + 2 * kQueueSlack &&
             now - window_adapted_at_ > *smoothed_rtt_) {
    window_adapted_at_ = now;
    congestion_window_ -= congestion_window_ / 8;
    slow_start_limit_ = congestion_window_;
  }
  congestion_window_ =
      std::clamp(congestion_window_, kMinWindowSegments * segment_size(), config_.send_buffer);
}

void TcpEndpoint::mark_losses(TimePoint now) {
  losses_at_.reset();
  const Duration patience = reorder_timeout();
  for (auto& [position, segment] : in_flight_) {
    if (segment.sacked || segment.lost) continue;
    if (SendOrder{segment.sent_at, position} > newest_delivered_) continue;  // not overtaken
    const TimePoint due = segment.sent_at + patience;
    if (due > now) {
      losses_at_ = base::earlier(losses_at_, due);
      continue;
    }
    mark_lost(segment);
  }
}

void TcpEndpoint::mark_lost(InFlight& segment) {
  if (segment.lost) return;
  segment.lost = true;
  ++lost_segments_;
  outstanding_bytes_ -= segment.size;
}

Duration TcpEndpoint::retransmission_timeout() const {
  Duration timeout = kFirstTimeout;
  if (smoothed_rtt_) timeout = *smoothed_rtt_ + 6 * rtt_variation_ + kAckDelay;
  timeout = std::clamp(timeout, kMinTimeout, kMaxTimeout);
  // While the client is heard, the path is not jammed; only probes of a closed window slow down.
  const std::uint32_t doublings =
      in_flight_.empty() || next_ > peer_limit_ ? backoff_ : unanswered_;
  return std::min<Duration>(timeout * (std::int64_t{1} << std::min(doublings, 6U)), kMaxTimeout);
}

Duration TcpEndpoint::reorder_timeout() const {
  if (!smoothed_rtt_) return kFirstTimeout;
  return *smoothed_rtt_ + patience_ * rtt_variation_ / kPatienceUnit;
}

void TcpEndpoint::arm_retransmission(TimePoint now) {
  if (in_flight_.empty()) {
    retransmit_at_.reset();
  } else {
    retransmit_at_ = now + retransmission_timeout();
  }
}

void TcpEndpoint::on_payload(const TcpSegment& segment, TimePoint now) {
  std::uint64_t position = unwrap(segment.sequence, receive_origin_, expected_);
  ByteView payload = segment.payload;
  const std::uint64_t end = position + payload.size();
  if (segment.flags.fin && !client_finish_ && end >= expected_ && end <= promised_) {
    client_finish_ = end;
  }
  if (payload.empty() && !segment.flags.fin) {
    // A keep-alive asks for an answer by a number that was used already.
    if (position + 1 == expected_) acknowledge_now_ = true;
    return;
  }
  // Numbers from before the beginning are huge; the rest of an old segment is new.
  const auto behind = static_cast<std::int64_t>(expected_ - position);
  if (behind > 0) {
    if (static_cast<std::uint64_t>(behind) >= payload.size()) {
      acknowledge_now_ = true;  // all known: the acknowledgement was lost
      payload = {};
    } else {
      payload = payload.subspan(static_cast<std::size_t>(behind));
      position = expected_;
    }
  }
  if (!payload.empty()) {
    if (position + payload.size() > promised_) {  // outside the window
      acknowledge_now_ = true;
      return;
    }
    if (position == expected_) {
      const bool had_hole = !ahead_.empty();
      base::append(received_, payload);
      expected_ += payload.size();
      take_in_order();
      // Full segments are acknowledged in pairs; the end of a hole at once.
      ++unacknowledged_segments_;
      if (had_hole || unacknowledged_segments_ >= kSegmentsPerAck) {
        acknowledge_now_ = true;
      } else if (!acknowledge_at_) {
        acknowledge_at_ = now + kAckDelay;
      }
    } else if (ahead_bytes_ + payload.size() <= config_.receive_buffer) {
      const auto [at, fresh] = ahead_.try_emplace(position);
      if (fresh || at->second.size() < payload.size()) {
        ahead_bytes_ += payload.size() - at->second.size();
        at->second = base::to_bytes(payload);
      }
      newest_block_ = position;
      acknowledge_now_ = true;
    }
  }
  if (client_finish_ && expected_ == *client_finish_) {
    ++expected_;  // the FIN counts as one
    acknowledge_now_ = true;
  }
}

void TcpEndpoint::take_in_order() {
  while (!ahead_.empty() && ahead_.begin()->first <= expected_) {
    const auto at = ahead_.begin();
    const std::uint64_t known = expected_ - at->first;
    if (known < at->second.size()) {
      const ByteView fresh = ByteView{at->second}.subspan(static_cast<std::size_t>(known));
      base::append(received_, fresh);
      expected_ += fresh.size();
    }
    ahead_bytes_ -= at->second.size();
    ahead_.erase(at);
  }
}

ByteView TcpEndpoint::readable() const { return ByteView{received_}.subspan(received_from_); }

void TcpEndpoint::consume(std::size_t size) {
  const std::size_t was_waiting = received_.size() - received_from_;
  received_from_ += size;
  if (received_from_ == received_.size()) {
    received_.clear();
    received_from_ = 0;
  } else if (received_from_ > config_.receive_buffer) {
    received_.erase(received_.begin(),
                    received_.begin() + static_cast<std::ptrdiff_t>(received_from_));
    received_from_ = 0;
  }
  // The window was half closed, or more, and opens again.
  if (was_waiting > config_.receive_buffer / 2) acknowledge_now_ = true;
}

bool TcpEndpoint::at_end() const {
  return client_finish_ && expected_ > *client_finish_ && readable().empty();
}

std::size_t TcpEndpoint::writable() const {
  if (state_ != State::kEstablished || finish_wanted_) return 0;
  return config_.send_buffer - std::min(config_.send_buffer, send_buffer_.size());
}

void TcpEndpoint::write(ByteView bytes) {
  send_buffer_.insert(send_buffer_.end(), bytes.begin(), bytes.end());
}

void TcpEndpoint::finish() { finish_wanted_ = true; }

std::size_t TcpEndpoint::segment_size() const {
  return max_segment_ - (has_timestamps_ ? kTimestampsSize : 0);
}

std::uint32_t TcpEndpoint::timestamp(TimePoint now) const {
  const auto milliseconds =
      std::chrono::duration_cast<std::chrono::milliseconds>(now.time_since_epoch());
  return clock_offset_ + static_cast<std::uint32_t>(milliseconds.count());
}

TcpSegment TcpEndpoint::blank(TimePoint now) const {
  TcpSegment out;
  out.from = local_;
  out.to = client_;
  out.flags.ack = true;
  out.acknowledged = receive_origin_ + static_cast<std::uint32_t>(expected_);
  if (has_timestamps_) {
    out.timestamps = TcpTimestamps{timestamp(now), recent_timestamp_};
  }
  return out;
}

std::uint16_t TcpEndpoint::window_field() {
  const std::size_t waiting = received_.size() - received_from_;
  const std::size_t room = config_.receive_buffer - std::min(config_.receive_buffer, waiting);
  // The right edge never moves back.
  const std::uint64_t edge = std::max(promised_, expected_ + room);
  const auto field = static_cast<std::uint16_t>(
      std::min<std::uint64_t>((edge - expected_) >> own_shift_, kMaxWindowField));
  promised_ = std::max(promised_, expected_ + (std::uint64_t{field} << own_shift_));
  return field;
}

/// Adds what every segment carries, and settles the acknowledgement.
Bytes TcpEndpoint::emit(TcpSegment segment) {
  segment.window = window_field();
  const bool has_room = segment.payload.size() + kSackRoom <= segment_size();
  if (has_sack_ && has_room && !ahead_.empty()) {
    // Ranges that touch are told as one; the latest first. RFC 2018 §4.
    std::vector<std::pair<std::uint64_t, std::uint64_t>> ranges;
    for (const auto& [position, bytes] : ahead_) {
      const std::uint64_t end = position + bytes.size();
      if (!ranges.empty() && position <= ranges.back().second) {
        ranges.back().second = std::max(ranges.back().second, end);
      } else {
        ranges.emplace_back(position, end);
      }
    }
    const auto newest = std::ranges::find_if(ranges, [this](const auto& range) {
      return range.first <= newest_block_ && newest_block_ < range.second;
    });
    if (newest != ranges.end()) std::rotate(ranges.begin(), newest, std::next(newest));
    for (const auto& [begin, end] : ranges) {
      segment.sack.push_back({receive_origin_ + static_cast<std::uint32_t>(begin),
                              receive_origin_ + static_cast<std::uint32_t>(end)});
    }
  }
  acknowledge_now_ = acknowledge_now_ && !has_room && !ahead_.empty();
  acknowledge_at_.reset();
  unacknowledged_segments_ = 0;
  return encode(segment);
}

Bytes TcpEndpoint::emit_data(std::uint64_t position, const InFlight& in_flight, TimePoint now) {
  TcpSegment out = blank(now);
  out.sequence = sequence_of(position);
  out.flags.fin = in_flight.fin;
  const auto from = static_cast<std::ptrdiff_t>(position - acknowledged_);
  const Bytes payload(send_buffer_.begin() + from,
                      send_buffer_.begin() + from + static_cast<std::ptrdiff_t>(in_flight.size));
  out.flags.psh = position + in_flight.size == acknowledged_ + send_buffer_.size();
  out.payload = payload;
  ++stats_.sent;
  return emit(std::move(out));
}

std::optional<Bytes> TcpEndpoint::emit_lost(TimePoint now) {
  if (lost_segments_ == 0) return std::nullopt;
  for (auto& [position, segment] : in_flight_) {
    if (!segment.lost) continue;
    if (outstanding_bytes_ > 0 && outstanding_bytes_ + segment.size > congestion_window_) break;
    segment.lost = false;
    --lost_segments_;
    outstanding_bytes_ += segment.size;
    segment.sent_at = now;
    ++segment.transmissions;
    ++stats_.resent;
    if (!retransmit_at_) arm_retransmission(now);
    return emit_data(position, segment, now);
  }
  return std::nullopt;
}

std::optional<Bytes> TcpEndpoint::emit_new(TimePoint now) {
  const std::uint64_t end_of_data = acknowledged_ + send_buffer_.size();
  if (finish_sent_ || next_ < 1) return std::nullopt;
  const std::uint64_t waiting = end_of_data - std::min(end_of_data, next_);
  const std::uint64_t offered = peer_limit_ - std::min(peer_limit_, next_);
  std::size_t size =
      static_cast<std::size_t>(std::min<std::uint64_t>({waiting, offered, segment_size()}));
  if (probe_pending_ && waiting > 0) size = std::max<std::size_t>(size, 1);
  const bool fin = finish_wanted_ && size == waiting;
  if (size == 0 && !fin) {
    // The update that opens the window again may be lost: then a probe asks.
    if (waiting > 0 && !retransmit_at_) retransmit_at_ = now + retransmission_timeout();
    return std::nullopt;
  }
  if (!probe_pending_ && outstanding_bytes_ > 0 && outstanding_bytes_ + size > congestion_window_) {
    return std::nullopt;
  }
  probe_pending_ = false;
  const auto at = in_flight_.emplace(next_, InFlight{size, fin, now, now, 1, false, false}).first;
  next_ += at->second.length();
  outstanding_bytes_ += size;
  finish_sent_ = fin;
  if (!retransmit_at_) arm_retransmission(now);
  return emit_data(at->first, at->second, now);
}

std::optional<Bytes> TcpEndpoint::poll_output(TimePoint now) {
  if (reset_pending_) {
    reset_pending_ = false;
    TcpSegment out = blank(now);
    out.flags.rst = true;
    out.sequence = sequence_of(next_);
    return encode(out);
  }
  if (state_ == State::kAccepting && syn_ack_pending_) {
    syn_ack_pending_ = false;
    TcpSegment out = blank(now);
    out.flags.syn = true;
    out.sequence = sequence_of(0);
    const bool v4 = local_.address.family == Family::kV4;
    out.max_segment =
        static_cast<std::uint16_t>(config_.mtu - (v4 ? kIpv4Overhead : kIpv6Overhead));
    if (own_shift_ != 0) out.window_shift = own_shift_;
    out.sack_permitted = has_sack_;
    out.window =
        static_cast<std::uint16_t>(std::min<std::size_t>(config_.receive_buffer, kMaxWindowField));
    promised_ = std::max<std::uint64_t>(promised_, 1 + out.window);
    return encode(out);
  }
  if (state_ != State::kEstablished) return std::nullopt;
  if (auto packet = emit_lost(now)) return packet;
  if (auto packet = emit_new(now)) return packet;
  if (!acknowledge_now_) return std::nullopt;
  TcpSegment out = blank(now);
  out.sequence = sequence_of(next_);
  return emit(std::move(out));
}

base::Deadline TcpEndpoint::next_deadline() const {
  if (state_ == State::kDone || state_ == State::kDialing) return std::nullopt;
  base::Deadline deadline = base::earlier(retransmit_at_, losses_at_);
  deadline = base::earlier(deadline, acknowledge_at_);
  return base::earlier(deadline, forget_at_);
}

void TcpEndpoint::expire(TimePoint now) {
  if (state_ == State::kDone || state_ == State::kDialing) return;
  if (is_due(forget_at_, now)) {
    state_ = State::kDone;
    return;
  }
  if (is_due(acknowledge_at_, now)) {
    acknowledge_at_.reset();
    acknowledge_now_ = true;
  }
  if (is_due(losses_at_, now)) mark_losses(now);
  if (!is_due(retransmit_at_, now)) return;
  ++backoff_;
  if (++unanswered_ > kMaxUnanswered) {
    abort();
    return;
  }
  if (state_ == State::kAccepting) {
    syn_ack_pending_ = true;
    retransmit_at_ = now + kFirstTimeout * (std::int64_t{1} << std::min(backoff_, 5U));
    return;
  }
  for (auto& [position, segment] : in_flight_) {
    if (!segment.sacked) mark_lost(segment);
  }
  slow_start_limit_ = std::max(congestion_window_ / 2, kMinWindowSegments * segment_size());
  congestion_window_ = slow_start_limit_;
  if (in_flight_.empty()) probe_pending_ = true;
  retransmit_at_ = now + retransmission_timeout();
}

void TcpEndpoint::finish_if_over(TimePoint now) {
  const bool both = finish_acknowledged_ && client_finish_ && expected_ > *client_finish_;
  if (both && !forget_at_) forget_at_ = now + kForgetAfter;
}

}  // namespace mix::localnet
