// How the processes of one network find together when every role runs by itself: each node tells
// the directory its record, again and again, and the answer tells it the clock and all nodes. Pure:
// codecs of the two JSON messages, and the directory's table of who announced itself. This is our
// own protocol (the live network keeps such things on its chain), without authentication: whoever
// reaches the directory's port can join the test network.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "mix/base/time.h"
#include "mix/localnet/directory_core.h"

namespace mix::localnet {

/// More is no test network any more; also what 127.0.0.x has room for.
inline constexpr std::size_t kMaxNodes = 200;
/// A node that says nothing for so long is gone. Generous: machines of CI stand still at times.
inline constexpr std::chrono::seconds kAnnouncementLifetime{30};
inline constexpr std::chrono::milliseconds kAnnouncementInterval{250};

/// From a node to the directory.
struct Announcement {
  NodeRecord node;                // its id is ignored
  std::uint32_t seen_serial = 0;  // of the newest answer that it works with
};

/// The directory's answer.
struct NetworkView {
  std::uint32_t serial = 0;  // grows with every change of a node
  DirectoryState state;
};

[[nodiscard]] std::string encode_announcement(const Announcement& announcement);
/// Throws std::invalid_argument with a sentence that names the bad field.
[[nodiscard]] Announcement parse_announcement(std::string_view text);
[[nodiscard]] std::string encode_view(const NetworkView& view);
/// Throws std::invalid_argument.
[[nodiscard]] NetworkView parse_view(std::string_view text);

/// The directory's table.
class NodeRegistry {
 public:
  enum class Change : std::uint8_t { kNone, kNodes };

  /// A node is known by its identity; one with the same mixnet address takes the place of a former
  /// one (a process that was started anew). Throws std::invalid_argument when the table is full.
  Change announce(const Announcement& announcement, base::TimePoint now);
  /// Forgets those who have been silent.
  Change expire(base::TimePoint now);

  /// Ids count from 1 in the order of arrival and are never reused.
  [[nodiscard]] std::vector<NodeRecord> nodes() const;
  [[nodiscard]] std::uint32_t serial() const { return serial_; }
  /// Nodes that do not work with the newest list yet. 0: all know all.
  [[nodiscard]] std::size_t behind() const;

 private:
  struct Entry {
    NodeRecord node;
    std::uint32_t seen_serial = 0;
    base::TimePoint heard_at;
  };
  std::vector<Entry> entries_;
  std::uint32_t serial_ = 0;
  directory::NodeId next_id_ = 1;
};

}  // namespace mix::localnet
