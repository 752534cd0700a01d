// Many multiplications of the same public point: a table of its multiples, and a bounded store of
// such tables. docs/adr/0013.
#pragma once

#include <array>
#include <cstdint>
#include <list>
#include <map>
#include <memory>

#include "mix/crypto/blinding.h"
#include "mix/crypto/keys.h"

namespace mix::crypto {

/// Multiples of one point of the prime-order subgroup, in Edwards form. The point is public, the
/// scalars are secret: every look-up reads the whole row, and no branch or index depends on them.
class FixedBaseTable {
 public:
  /// Null for a point outside the prime-order subgroup and for an encoding that is not reduced.
  /// Costs about five X25519 steps.
  [[nodiscard]] static std::unique_ptr<const FixedBaseTable> build(const X25519PublicKey& point);
  FixedBaseTable(const FixedBaseTable&) = delete;
  FixedBaseTable& operator=(const FixedBaseTable&) = delete;
  ~FixedBaseTable();

  /// The same bytes as `scalar.multiply(point)`, in about a third of the time.
  [[nodiscard]] SharedSecret multiply(const Scalar& scalar) const;

  /// Memory of one table.
  [[nodiscard]] static std::size_t bytes();

 private:
  struct Rows;
  explicit FixedBaseTable(std::unique_ptr<const Rows> rows);
  std::unique_ptr<const Rows> rows_;
};

/// Tables of the points that are multiplied often. A point gets its table once it was used so many
/// times that the table would have paid; until then, and for points that cannot have one, X25519's
/// ladder gives the same bytes. Which points have tables depends on public keys and on how often
/// they were used, never on scalars.
class PointTables {
 public:
  struct Config {
    /// Memory of all tables together.
    std::size_t max_bytes = std::size_t{4} * 1024 * 1024;
    /// Points whose uses are counted while they have no table.
    std::size_t max_candidates = 1024;
    /// Uses of a point before its table is built: as many as pay for building it.
    std::uint32_t uses_before_table = 8;
    /// When the memory is used up, a new table takes the place of the one that was unused longest,
    /// if that was at least so many multiplications ago. Without this age, more points than fit
    /// would build tables all the time.
    std::uint64_t stale_after = 4096;
  };

  PointTables() : PointTables(Config{}) {}
  explicit PointTables(const Config& config) : config_(config) {}
  PointTables(const PointTables&) = delete;
  PointTables& operator=(const PointTables&) = delete;
  PointTables(PointTables&&) = default;  // the nodes of lists stay where they are
  PointTables& operator=(PointTables&&) = default;
  ~PointTables() = default;

  /// As `scalar.multiply(point)`.
  [[nodiscard]] SharedSecret multiply(const Scalar& scalar, const X25519PublicKey& point);
  /// As `scalar.multiply_base()`.
  [[nodiscard]] X25519PublicKey multiply_base(const Scalar& scalar);
  /// As `crypto::x25519(secret, point)`, for every point.
  [[nodiscard]] SharedSecret x25519(const X25519SecretKey& secret, const X25519PublicKey& point);

  [[nodiscard]] std::size_t num_tables() const { return with_table_.size(); }
  [[nodiscard]] std::size_t num_candidates() const { return candidates_.size(); }

 private:
  enum class Fitness : std::uint8_t { kUnknown, kUnfit };
  struct Slot {
    X25519PublicKey point;
    std::uint32_t uses = 0;
    std::uint64_t last_use = 0;
    Fitness fitness = Fitness::kUnknown;
    std::unique_ptr<const FixedBaseTable> table;
  };
  using Slots = std::list<Slot>;  // the latest used first

  /// Counts a use; the table, if the point has one. It lives until the next call.
  const FixedBaseTable* use(const X25519PublicKey& point);
  bool make_room();

  Config config_;
  std::uint64_t clock_ = 0;
  Slots with_table_;
  Slots candidates_;
  std::map<X25519PublicKey, Slots::iterator> index_;
};

}  // namespace mix::crypto
