// Epochs and key rotation: the network's clock, and the Sphinx keys of one node that follow it.
// Wall time is an argument, so that a simulation can run years of it. spec: topology §4.
#pragma once

#include <cstdint>
#include <optional>
#include <utility>

#include "mix/base/rng.h"
#include "mix/base/time.h"
#include "mix/crypto/keys.h"
#include "mix/directory/topology.h"
#include "mix/sphinx/frame.h"

namespace mix::localnet {

struct EpochConfig {
  base::Duration epoch = std::chrono::hours{1};
  /// Epochs for which one Sphinx key is the primary; at least 2, since a node has just two keys:
  /// with 1 the previous and the announced next one would have to live at the same time.
  std::uint32_t rotation_epochs = 24;
  /// The epoch at the start. The default starts rotation 4, so that packets carry a parity
  /// (rotation 0 travels as "unknown").
  std::optional<std::uint32_t> first_epoch;
};

/// One moment of the network's clock.
struct Epoch {
  std::uint32_t id = 0;
  std::uint32_t rotation_epochs = 0;
  base::WallTime start;
  base::Duration length{};

  [[nodiscard]] std::uint32_t rotation() const { return id / rotation_epochs; }
  [[nodiscard]] std::uint32_t rotation_start() const { return rotation() * rotation_epochs; }
  /// The last epoch before the next rotation, in which the next keys are announced.
  [[nodiscard]] bool announces_next() const { return id + 1 == rotation_start() + rotation_epochs; }
  [[nodiscard]] base::WallTime end() const {
    return start + std::chrono::duration_cast<std::chrono::milliseconds>(length);
  }
  [[nodiscard]] directory::KeyRotationInfo rotation_info() const;
};

/// The network's clock: which epoch it is at a wall time.
class EpochClock {
 public:
  /// Throws std::invalid_argument for an epoch below a millisecond or fewer than 2 epochs a
  /// rotation.
  EpochClock(const EpochConfig& config, base::WallTime start);

  /// The epoch of a time; a time before the first epoch counts as its start.
  [[nodiscard]] Epoch at(base::WallTime now) const;
  /// Ends the current epoch now and skips `epochs - 1` more: what follows starts at `now`.
  void advance(std::uint32_t epochs, base::WallTime now);
  /// Advances to the first epoch of the next rotation.
  void rotate(base::WallTime now);

 private:
  Epoch origin_;
};

/// A Sphinx key pair and the rotation in which it is the primary one.
struct RotationKey {
  std::uint32_t rotation = 0;
  crypto::X25519KeyPair keys;
};

/// A node's primary key and, around a rotation, a secondary one: first the announced next key,
/// afterwards the previous one until one epoch has passed.
class NodeKeys {
 public:
  NodeKeys(const Epoch& epoch, base::Rng& rng);
  explicit NodeKeys(RotationKey primary, std::optional<RotationKey> secondary = std::nullopt)
      : primary_(std::move(primary)), secondary_(std::move(secondary)) {}

  /// Follows the clock; epochs may be skipped.
  void update(const Epoch& epoch, base::Rng& rng);
  /// True while the node has the key of this rotation.
  [[nodiscard]] bool holds(std::uint32_t rotation) const;

  [[nodiscard]] const RotationKey& primary() const { return primary_; }
  [[nodiscard]] const std::optional<RotationKey>& secondary() const { return secondary_; }
  /// The secondary key while it is the announced next one, else null.
  [[nodiscard]] const RotationKey* pre_announced() const;
  /// The key for a packet with this parity byte, null when there is none (the packet expired).
  /// For an unknown rotation: the primary one. spec: sphinx §9.1.
  [[nodiscard]] const RotationKey* find(sphinx::KeyRotation rotation) const;

 private:
  RotationKey primary_;
  std::optional<RotationKey> secondary_;
};

}  // namespace mix::localnet
