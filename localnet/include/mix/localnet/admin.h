// The admin interface: counters and fault injection by HTTP with JSON bodies. Pure: it parses,
// checks and calls a NetworkControl. The paths are described in docs/localnet.md.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "mix/localnet/cluster.h"
#include "mix/localnet/exit.h"
#include "mix/localnet/http.h"

namespace mix::localnet {

/// How the directory behaves.
struct DirectoryMode {
  enum class Kind : std::uint8_t {
    kNormal,
    kStatus,   // answers every call with `status`
    kGarbage,  // answers 200 with a web page
    kHang,     // accepts and never answers
  } kind = Kind::kNormal;
  int status = 500;
};

/// Does this process run the directory, with the network's clock?
enum class DirectoryPlace : std::uint8_t { kHere, kElsewhere };

/// What the admin interface may do to a running network.
class NetworkControl {
 public:
  virtual ~NetworkControl() = default;
  [[nodiscard]] virtual Cluster& cluster() = 0;
  /// The line that the program prints at the start.
  [[nodiscard]] virtual std::string description() const = 0;
  [[nodiscard]] virtual DirectoryPlace directory_place() const { return DirectoryPlace::kHere; }

  virtual void kill(directory::NodeId id) = 0;
  virtual void restart(directory::NodeId id) = 0;
  virtual void cut_links(directory::NodeId id) = 0;
  virtual void set_listed(directory::NodeId id, bool listed) = 0;
  virtual void set_performance(directory::NodeId id, std::uint8_t percent) = 0;
  virtual void advance_epochs(std::uint32_t epochs) = 0;
  virtual void rotate_keys() = 0;
  [[nodiscard]] virtual DirectoryMode directory_mode() const = 0;
  virtual void set_directory_mode(const DirectoryMode& mode) = 0;
  /// Exits only.
  virtual void set_exit_activity(directory::NodeId id, ExitActivity activity) = 0;
  virtual void set_exit_replier(directory::NodeId id, const mixnet::ReplierConfig& replier) = 0;
  [[nodiscard]] virtual std::optional<ExitStats> exit_stats(directory::NodeId id) const = 0;
};

/// Answers a request below "/admin". Every error is JSON with a sentence in `error`.
[[nodiscard]] HttpAnswer answer_admin(NetworkControl& network, const HttpRequest& request);

}  // namespace mix::localnet
