#include "mix/mixnet/headers_ahead.h"

#include <utility>

namespace mix::mixnet {

namespace {

template <class Part>
constexpr std::size_t index(Part part) {
  return static_cast<std::size_t>(part);
}

template <class T>
std::optional<T> take_first(std::deque<T>& from) {
  if (from.empty()) return std::nullopt;
  std::optional<T> out(std::move(from.front()));
  from.pop_front();
  return out;
}

}  // namespace

void HeadersAhead::set_size(std::size_t size) {
  if (size == size_) return;
  size_ = size;
  clear();
}

void HeadersAhead::clear() {
  for (auto& stock : headers_) stock.clear();
  for (auto& stock : seals_) stock.clear();
  is_filling_ = size_ > 0;
}

void HeadersAhead::note_use(const Recipient& to) {
  if (size_ == 0) return;
  if (is_peer(to)) {
    candidate_.reset();
  } else if (candidate_ == to) {
    peer_ = std::exchange(candidate_, std::nullopt);
    headers_[index(Part::kPeer)].clear();
    seals_[index(Part::kPeerSeal)].clear();
    is_filling_ = true;
  } else {
    candidate_ = to;
  }
}

std::optional<ReadyHeader> HeadersAhead::take_header(Part part) {
  auto out = take_first(headers_[index(part)]);
  note_taken(part);
  return out;
}

std::optional<FragmentSeal> HeadersAhead::take_seal(Part part) {
  auto out = take_first(seals_[index(part)]);
  note_taken(part);
  return out;
}

void HeadersAhead::note_taken(Part part) {
  if (size_of(part) < most_of(part) / 2 + most_of(part) % 2) is_filling_ = true;
}

std::optional<HeadersAhead::Part> HeadersAhead::next_part() {
  for (const Part part : kParts) {
    if (size_of(part) < most_of(part)) return part;
  }
  is_filling_ = false;
  return std::nullopt;
}

void HeadersAhead::put(Part part, ReadyHeader header) {
  headers_[index(part)].push_back(std::move(header));
}

void HeadersAhead::put(Part part, FragmentSeal seal) {
  seals_[index(part)].push_back(std::move(seal));
}

std::size_t HeadersAhead::size() const {
  std::size_t sum = 0;
  for (const Part part : kParts) sum += size_of(part);
  return sum;
}

std::size_t HeadersAhead::size_of(Part part) const {
  return headers_[index(part)].size() + seals_[index(part)].size();
}

std::size_t HeadersAhead::most_of(Part part) const {
  switch (part) {
    case Part::kPeer:
    case Part::kPeerSeal:
      return peer_ ? size_ : 0;
    case Part::kOwn:
      return 2 * size_;
    case Part::kAck:
    case Part::kOwnSeal:
      return size_;
  }
  return 0;
}

}  // namespace mix::mixnet
