// The network's clock and the rotation of node keys. spec: topology §4.
#include "mix/localnet/epoch.h"

#include <stdexcept>
#include <utility>

namespace mix::localnet {
namespace {

// spec: topology §3.3 example; any number above 1 gives packets a parity.
constexpr std::uint32_t kDefaultFirstRotation = 4;
constexpr std::uint32_t kMinRotationEpochs = 2;

std::chrono::milliseconds to_ms(base::Duration duration) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(duration);
}

RotationKey generate(std::uint32_t rotation, base::Rng& rng) {
  return {rotation, crypto::X25519KeyPair::generate(rng)};
}

}  // namespace

directory::KeyRotationInfo Epoch::rotation_info() const {
  directory::KeyRotationInfo info;
  info.validity_epochs = rotation_epochs;
  info.initial_epoch_id = 0;
  info.current_epoch_id = id;
  info.current_epoch_start = start;
  info.epoch_duration = length;
  return info;
}

EpochClock::EpochClock(const EpochConfig& config, base::WallTime start) {
  if (to_ms(config.epoch).count() < 1) {
    throw std::invalid_argument("an epoch must last at least a millisecond");
  }
  if (config.rotation_epochs < kMinRotationEpochs) {
    throw std::invalid_argument("a key rotation must last at least 2 epochs");
  }
  origin_.id = config.first_epoch.value_or(kDefaultFirstRotation * config.rotation_epochs);
  origin_.rotation_epochs = config.rotation_epochs;
  origin_.start = start;
  origin_.length = to_ms(config.epoch);
}

Epoch EpochClock::at(base::WallTime now) const {
  Epoch epoch = origin_;
  if (now > origin_.start) {
    const auto passed = (now - origin_.start) / to_ms(origin_.length);
    epoch.id += static_cast<std::uint32_t>(passed);
    epoch.start += passed * to_ms(origin_.length);
  }
  return epoch;
}

void EpochClock::advance(std::uint32_t epochs, base::WallTime now) {
  const Epoch current = at(now);
  origin_.id = current.id + epochs;
  origin_.start = now;
}

void EpochClock::rotate(base::WallTime now) {
  const Epoch current = at(now);
  advance(current.rotation_start() + current.rotation_epochs - current.id, now);
}

NodeKeys::NodeKeys(const Epoch& epoch, base::Rng& rng) : primary_(generate(epoch.rotation(), rng)) {
  if (epoch.announces_next()) secondary_ = generate(epoch.rotation() + 1, rng);
}

void NodeKeys::update(const Epoch& epoch, base::Rng& rng) {
  const std::uint32_t rotation = epoch.rotation();
  if (primary_.rotation != rotation) {
    if (!secondary_ || secondary_->rotation != rotation) secondary_ = generate(rotation, rng);
    std::swap(primary_, *secondary_);
  }
  if (secondary_ && secondary_->rotation != rotation + 1) {
    // The previous key lives through the first epoch of the rotation.
    const bool overlaps =
        secondary_->rotation + 1 == rotation && epoch.id == epoch.rotation_start();
    if (!overlaps) secondary_.reset();
  }
  if (epoch.announces_next() && !secondary_) secondary_ = generate(rotation + 1, rng);
}

bool NodeKeys::holds(std::uint32_t rotation) const {
  return primary_.rotation == rotation || (secondary_ && secondary_->rotation == rotation);
}

const RotationKey* NodeKeys::pre_announced() const {
  return secondary_ && secondary_->rotation == primary_.rotation + 1 ? &*secondary_ : nullptr;
}

const RotationKey* NodeKeys::find(sphinx::KeyRotation rotation) const {
  if (rotation == sphinx::KeyRotation::kUnknown) return &primary_;
  const bool odd = rotation == sphinx::KeyRotation::kOdd;
  if ((primary_.rotation % 2 == 1) == odd) return &primary_;
  if (secondary_ && (secondary_->rotation % 2 == 1) == odd) return &*secondary_;
  return nullptr;
}

}  // namespace mix::localnet
