// A node's side of the announcements: posts the node's record to the directory's process again and
// again and hands on what the answers tell. An unreachable directory is asked until it answers.
#pragma once

#include <boost/asio/io_context.hpp>
#include <functional>
#include <memory>
#include <string>

#include "mix/localnet/announcement.h"

namespace mix::localnet {

class DirectoryFollower {
 public:
  /// What to announce now, as JSON.
  using Announce = std::function<std::string()>;
  /// Tells whether the next announcement shall follow at once, since it will say something new.
  enum class Next : std::uint8_t { kLater, kAtOnce };
  using Follow = std::function<Next(const NetworkView&)>;

  /// `directory_url` is the one that clients use, e.g. http://10.0.0.1:8000/api. Throws
  /// std::invalid_argument when it is none.
  DirectoryFollower(boost::asio::io_context& io, const std::string& directory_url,
                    Announce announce, Follow follow);
  ~DirectoryFollower();
  DirectoryFollower(const DirectoryFollower&) = delete;
  DirectoryFollower& operator=(const DirectoryFollower&) = delete;

  /// The answer of the last attempt, for people; empty when it was good.
  [[nodiscard]] const std::string& problem() const;
  void stop();

 private:
  class Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace mix::localnet
