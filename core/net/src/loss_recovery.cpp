#include "loss_recovery.h"

#include <algorithm>
#include <utility>

namespace mix::net {
namespace {

// lwIP acts on the third duplicate: held at one before each segment, it never sees it.
constexpr std::uint8_t kLastHarmlessDuplicate = 1;
constexpr std::uint32_t kDuplicatesForLoss = 2;
constexpr int kFade = 16;  // the longest reordering loses so much of itself with each shorter one

}  // namespace

base::Duration ReorderWindow::length() const {
  return std::clamp<base::Duration>(longest_ * 3 / 2, kMinReorderWindow, kMaxReorderWindow);
}

void ReorderWindow::note(base::Duration lasted) {
  longest_ = std::max(lasted, longest_ - longest_ / kFade);
}

void LossRecovery::before_segment(tcp_pcb& pcb, std::optional<std::uint32_t> echoed) {
  deflate(pcb);
  pcb.dupacks = std::min(pcb.dupacks, kLastHarmlessDuplicate);
  counted_ = pcb.dupacks;
  acknowledged_ = pcb.lastack;
  echoed_ = echoed;
  has_segment_ = true;
}

std::optional<std::uint32_t> LossRecovery::after_segment(tcp_pcb& pcb, base::TimePoint now,
                                                         ReorderWindow& window) {
  if (!std::exchange(has_segment_, false)) return std::nullopt;
  const bool has_advanced = pcb.lastack != acknowledged_;
  if (has_advanced) {
    const std::uint32_t duplicates = std::exchange(duplicates_, 0);
    if (recovery_ && !std::exchange(recovery_->is_judged, true) && was_spurious()) {
      window.note(now - duplicates_since_);
      pcb.ssthresh = recovery_->old_threshold;
      pcb.cwnd = std::max(pcb.cwnd, recovery_->old_window);
      tcp_clear_flags(&pcb, TF_INFR);
      recovery_.reset();
    } else if (!recovery_ && duplicates != 0) {
      window.note(now - duplicates_since_);
    }
  } else if (pcb.dupacks > counted_) {
    if (duplicates_ == 0) duplicates_since_ = now;
    duplicates_ += 1;
  }
  if (recovery_ && ((pcb.flags & TF_RTO) != 0 || TCP_SEQ_GEQ(pcb.lastack, recovery_->until))) {
    recovery_.reset();
  } else if (recovery_ && has_advanced && pcb.unacked != nullptr) {
    // Acknowledged in part only: the next segment is missing too.
    if (tcp_rexmit(&pcb) == ERR_OK) tcp_set_flags(&pcb, TF_INFR);
  }
  if (has_advanced && !recovery_) grow(pcb);
  inflate(pcb);
  tcp_output(&pcb);
  return has_advanced ? echoed_ : std::nullopt;
}

// lwIP counts two segments of an acknowledgement at most (RFC 3465). Where segments overtake one
// another, one acknowledgement covers many after a few duplicates, and the start would be slow.
void LossRecovery::grow(tcp_pcb& pcb) const {
  if (pcb.cwnd >= pcb.ssthresh || (pcb.flags & TF_RTO) != 0) return;
  const std::uint32_t acknowledged = pcb.lastack - acknowledged_;
  const std::uint32_t counted = std::uint32_t{2} * pcb.mss;
  if (acknowledged > counted) pcb.cwnd += acknowledged - counted;
}

base::Deadline LossRecovery::deadline(const tcp_pcb& pcb, const ReorderWindow& window) const {
  if (duplicates_ < kDuplicatesForLoss || recovery_ || pcb.unacked == nullptr ||
      (pcb.flags & TF_RTO) != 0) {
    return std::nullopt;
  }
  return duplicates_since_ + window.length();
}

void LossRecovery::begin(tcp_pcb& pcb, std::uint32_t milliseconds) {
  deflate(pcb);
  recovery_ = Recovery{pcb.snd_nxt, milliseconds, pcb.cwnd, pcb.ssthresh, false};
  if (tcp_rexmit(&pcb) != ERR_OK) return;
  const std::uint32_t in_use = std::min(pcb.cwnd, pcb.snd_wnd);
  pcb.ssthresh = std::max<std::uint32_t>(in_use / 10 * 7, std::uint32_t{2} * pcb.mss);
  pcb.cwnd = pcb.ssthresh;
  pcb.rtime = 0;
  tcp_set_flags(&pcb, TF_INFR);
  inflate(pcb);
  tcp_output(&pcb);
}

void LossRecovery::inflate(tcp_pcb& pcb) {
  deflate(pcb);
  if (pcb.unacked == nullptr || (pcb.flags & TF_RTO) != 0) return;
  const std::uint32_t in_flight = pcb.snd_nxt - pcb.lastack;
  inflation_ = std::min(duplicates_ * pcb.mss, in_flight);
  pcb.cwnd += inflation_;
  inflated_window_ = pcb.cwnd;
}

void LossRecovery::deflate(tcp_pcb& pcb) {
  const std::uint32_t inflation = std::exchange(inflation_, 0);
  if (pcb.cwnd == inflated_window_) pcb.cwnd -= inflation;
}

bool LossRecovery::was_spurious() const {
  // What the peer repeats was sent before the repetition.
  return echoed_ && TCP_SEQ_LT(*echoed_, recovery_->began);
}

}  // namespace mix::net
