// Two generations of replay tags.
#include "mix/localnet/replay_filter.h"

#include <utility>

namespace mix::localnet {

ReplayFilter::Seen ReplayFilter::insert(const sphinx::ReplayTag& tag) {
  base::Reader reader(tag);
  const std::uint64_t key = reader.u64be().value();
  if (previous_.contains(key)) return Seen::kBefore;
  if (!current_.insert(key).second) return Seen::kBefore;
  if (current_.size() >= capacity_) {
    previous_ = std::move(current_);
    current_ = {};
  }
  return Seen::kFirstTime;
}

}  // namespace mix::localnet
