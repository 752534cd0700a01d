#include "mix/crypto/fixed_base.h"

#include <sodium.h>

#include <algorithm>
#include <cstring>
#include <vector>

extern "C" {
#include <private/ed25519_ref10.h>
}

// The comb. A scalar below 2^253 is written as 64 digits of four bits, made signed, from -8 to 7.
// Row j of the table holds 1 to 8 times 256^j * P, so the even digits cost one addition each, and
// so do the odd ones, once four doublings have moved them up: 64 additions and 4 doublings, where
// the ladder takes 255 steps. Points are on the Edwards curve -x^2 + y^2 = 1 + d x^2 y^2, whose
// addition is complete: no case for doublings or the neutral element.
//
// The map to X25519's curve is u = (1 + y) / (1 - y). A point and its negative share u, as they
// share y, so the sign of x, which u does not tell, may be chosen freely.

namespace mix::crypto {

namespace {

constexpr std::size_t kWindowBits = 4;
constexpr std::size_t kRowSize = std::size_t{1} << (kWindowBits - 1);
constexpr std::size_t kNumDigits = 256 / kWindowBits;
constexpr std::size_t kCombs = 2;  // digits that share a row
constexpr std::size_t kNumRows = kNumDigits / kCombs;

using Lanes = std::uint64_t __attribute__((vector_size(16)));

struct Field {
  fe25519 v;
};

/// (X:Y:Z:T) with x = X/Z, y = Y/Z, xy = T/Z.
struct Point {
  Field x, y, z, t;
};

/// An affine point, prepared for addition.
struct Addend {
  Field y_plus_x, y_minus_x, xy2d;
};

/// An addend as vectors, so that a look-up reads it 16 bytes at a time.
constexpr std::size_t kEntryLanes = 8;
static_assert(sizeof(Addend) <= kEntryLanes * sizeof(Lanes));

template <class T>
void wipe_object(T& object) {
  std::memset(&object, 0, sizeof object);
  asm volatile("" : : "r"(&object) : "memory");
}

// Out of line, for they are long.
[[gnu::noinline]] void mul(Field& out, const Field& a, const Field& b) {
  fe25519_mul(out.v, a.v, b.v);
}
[[gnu::noinline]] void square(Field& out, const Field& a) { fe25519_sq(out.v, a.v); }
void add(Field& out, const Field& a, const Field& b) { fe25519_add(out.v, a.v, b.v); }
void sub(Field& out, const Field& a, const Field& b) { fe25519_sub(out.v, a.v, b.v); }

/// What an addition and a doubling end with: (E*F : G*H : F*G : E*H).
void complete(Point& out, const Field& e, const Field& f, const Field& g, const Field& h) {
  mul(out.x, e, f);
  mul(out.y, g, h);
  mul(out.z, f, g);
  mul(out.t, e, h);
}

/// Hisil, Wong, Carter, Dawson 2008, §3.1, with the second point affine.
void add(Point& p, const Addend& q) {
  Field a, b, c, d, e, f;
  sub(a, p.y, p.x);
  mul(a, a, q.y_minus_x);
  add(b, p.y, p.x);
  mul(b, b, q.y_plus_x);
  mul(c, p.t, q.xy2d);
  add(d, p.z, p.z);
  sub(e, b, a);
  sub(f, d, c);
  add(d, d, c);  // G
  add(b, b, a);  // H
  complete(p, e, f, d, b);
}

/// The same, §3.3, up to the sign of all four factors.
void twice(Point& p) {
  Field a, b, c, e, f, g, h;
  square(a, p.x);
  square(b, p.y);
  fe25519_sq2(c.v, p.z.v);
  add(h, b, a);
  add(e, p.x, p.y);
  square(e, e);
  sub(e, e, h);
  sub(g, b, a);
  sub(f, c, g);
  complete(p, e, f, g, h);
}

constexpr Field kOne{{1}};

Point neutral() { return {Field{}, kOne, kOne, Field{}}; }

/// All bits set when a == b, else none.
std::uint64_t equal_mask(std::uint32_t a, std::uint32_t b) {
  std::uint64_t difference = a ^ b;
  // Keeps the compiler from seeing what is compared, and from branching.
  asm volatile("" : "+r"(difference));
  return 0 - ((difference - 1) >> 63);
}

using Digits = std::array<std::int8_t, kNumDigits>;

/// scalar = sum of digit[i] * 16^i, digits from -8 to 7. The scalar is below 2^253.
void recode(Digits& out, std::span<const std::uint8_t, 32> scalar) {
  int carry = 0;
  for (std::size_t i = 0; i < kNumDigits; ++i) {
    const int nibble = (scalar[i / 2] >> (kWindowBits * (i % 2)) & 0xf) + carry;
    carry = (nibble + 8) >> kWindowBits;
    out[i] = static_cast<std::int8_t>(nibble - (carry << kWindowBits));
  }
}

/// Addends of a row: 1 to 8 times its point.
struct alignas(16) Row {
  std::array<std::array<Lanes, kEntryLanes>, kRowSize> entries;
};

/// digit * the row's point. Reads all of the row.
void look_up(Addend& out, const Row& row, std::int8_t digit) {
  const auto negative = static_cast<std::uint32_t>(static_cast<std::uint8_t>(digit) >> 7);
  const auto magnitude = static_cast<std::uint32_t>((digit ^ -static_cast<int>(negative)) +
                                                    static_cast<int>(negative));
  std::array<Lanes, kEntryLanes> sum{};
  for (std::uint32_t k = 0; k < kRowSize; ++k) {
    const std::uint64_t word = equal_mask(magnitude, k + 1);
    const Lanes mask{word, word};
    for (std::size_t i = 0; i < kEntryLanes; ++i) sum[i] |= row.entries[k][i] & mask;
  }
  std::memcpy(&out, sum.data(), sizeof out);
  // The neutral element is (1, 1, 0), and nothing was chosen for it.
  const std::uint64_t none = equal_mask(magnitude, 0);
  out.y_plus_x.v[0] |= static_cast<decltype(out.y_plus_x.v[0] + 0)>(none & 1);
  out.y_minus_x.v[0] |= static_cast<decltype(out.y_minus_x.v[0] + 0)>(none & 1);
  fe25519_cswap(out.y_plus_x.v, out.y_minus_x.v, negative);
  Field negated;
  fe25519_neg(negated.v, out.xy2d.v);
  fe25519_cmov(out.xy2d.v, negated.v, negative);
}

// ---- Building; all of it is public --------------------------------------------------------------

/// 2d, with d = -121665/121666.
Field twice_d() {
  Field numerator{}, out{};
  numerator.v[0] = 2 * 121665;
  out.v[0] = 121666;
  fe25519_invert(out.v, out.v);
  mul(out, out, numerator);
  fe25519_neg(out.v, out.v);
  return out;
}

/// A point of the Edwards curve with the point's u. False when there is none.
bool to_edwards(Point& out, const X25519PublicKey& point) {
  Field u, denominator;
  fe25519_frombytes(u.v, point.bytes.data());
  add(denominator, u, kOne);
  fe25519_invert(denominator.v, denominator.v);
  sub(u, u, kOne);
  mul(u, u, denominator);
  std::array<std::uint8_t, 32> y;
  fe25519_tobytes(y.data(), u.v);
  ge25519_p3 p;
  if (ge25519_frombytes(&p, y.data()) != 0) return false;
  std::memcpy(&out.x, p.X, sizeof out.x);
  std::memcpy(&out.y, p.Y, sizeof out.y);
  std::memcpy(&out.z, p.Z, sizeof out.z);
  std::memcpy(&out.t, p.T, sizeof out.t);
  return true;
}

/// Replaces every value by its inverse, with one inversion. None is zero.
void invert_all(std::span<Field> values) {
  std::vector<Field> before(values.size());  // products of all values below
  Field product = kOne;
  for (std::size_t i = 0; i < values.size(); ++i) {
    before[i] = product;
    mul(product, product, values[i]);
  }
  fe25519_invert(product.v, product.v);
  for (std::size_t i = values.size(); i-- > 0;) {
    const Field value = values[i];
    mul(values[i], product, before[i]);
    mul(product, product, value);
  }
}

Addend make_affine(const Point& p, const Field& inverse_z, const Field& d2) {
  Field x, y;
  mul(x, p.x, inverse_z);
  mul(y, p.y, inverse_z);
  Addend out;
  add(out.y_plus_x, y, x);
  sub(out.y_minus_x, y, x);
  mul(out.xy2d, x, y);
  mul(out.xy2d, out.xy2d, d2);
  // Sums have longer limbs than a multiplication leaves; multiplying by one shortens them.
  mul(out.y_plus_x, out.y_plus_x, kOne);
  mul(out.y_minus_x, out.y_minus_x, kOne);
  return out;
}

std::vector<Addend> make_affine(std::span<const Point> points, const Field& d2) {
  std::vector<Field> inverses;
  inverses.reserve(points.size());
  for (const Point& p : points) inverses.push_back(p.z);
  invert_all(inverses);
  std::vector<Addend> out;
  out.reserve(points.size());
  for (std::size_t i = 0; i < points.size(); ++i) {
    out.push_back(make_affine(points[i], inverses[i], d2));
  }
  return out;
}

}  // namespace

struct FixedBaseTable::Rows {
  std::array<Row, kNumRows> rows;
};

FixedBaseTable::FixedBaseTable(std::unique_ptr<const Rows> rows) : rows_(std::move(rows)) {}

FixedBaseTable::~FixedBaseTable() = default;

std::size_t FixedBaseTable::bytes() { return sizeof(Rows); }

std::unique_ptr<const FixedBaseTable> FixedBaseTable::build(const X25519PublicKey& point) {
  Point power;
  if (!in_prime_order_subgroup(point) || !to_edwards(power, point)) return nullptr;
  const Field d2 = twice_d();

  // 256^j * P, then their multiples: adding takes an affine point.
  std::vector<Point> points;
  for (std::size_t j = 0; j < kNumRows; ++j) {
    points.push_back(power);
    for (std::size_t i = 0; i < kWindowBits * kCombs; ++i) twice(power);
  }
  const std::vector<Addend> steps = make_affine(points, d2);
  std::vector<Point> multiples;
  multiples.reserve(kNumRows * kRowSize);
  for (std::size_t j = 0; j < kNumRows; ++j) {
    Point multiple = points[j];
    for (std::size_t k = 0; k < kRowSize; ++k) {
      multiples.push_back(multiple);
      add(multiple, steps[j]);
    }
  }

  auto rows = std::make_unique<Rows>();
  const std::vector<Addend> addends = make_affine(multiples, d2);
  for (std::size_t i = 0; i < addends.size(); ++i) {
    std::memcpy(rows->rows[i / kRowSize].entries[i % kRowSize].data(), &addends[i], sizeof(Addend));
  }
  return std::unique_ptr<const FixedBaseTable>{new FixedBaseTable(std::move(rows))};
}

SharedSecret FixedBaseTable::multiply(const Scalar& scalar) const {
  struct {
    Digits digits;
    Point sum;
    Addend addend;
    Field numerator, denominator;
  } work;
  recode(work.digits, scalar.reveal());
  work.sum = neutral();
  for (std::size_t comb = kCombs; comb-- > 0;) {
    for (std::size_t row = 0; row < kNumRows; ++row) {
      look_up(work.addend, rows_->rows[row], work.digits[row * kCombs + comb]);
      add(work.sum, work.addend);
    }
    if (comb == 0) break;
    for (std::size_t i = 0; i < kWindowBits; ++i) twice(work.sum);
  }
  // Of the neutral element the denominator is zero, and so is what is taken for its inverse.
  add(work.numerator, work.sum.z, work.sum.y);
  sub(work.denominator, work.sum.z, work.sum.y);
  fe25519_invert(work.denominator.v, work.denominator.v);
  mul(work.numerator, work.numerator, work.denominator);
  SharedSecret out;
  fe25519_tobytes(out.reveal_mut().data(), work.numerator.v);
  wipe_object(work);
  return out;
}

// ---- The store ----------------------------------------------------------------------------------

namespace {

constexpr X25519PublicKey kBasePoint{{9}};

}  // namespace

SharedSecret PointTables::multiply(const Scalar& scalar, const X25519PublicKey& point) {
  const FixedBaseTable* table = use(point);
  return table != nullptr ? table->multiply(scalar) : scalar.multiply(point);
}

X25519PublicKey PointTables::multiply_base(const Scalar& scalar) {
  const FixedBaseTable* table = use(kBasePoint);
  if (table == nullptr) return scalar.multiply_base();
  X25519PublicKey out;
  std::ranges::copy(table->multiply(scalar).reveal(), out.bytes.begin());
  return out;
}

SharedSecret PointTables::x25519(const X25519SecretKey& secret, const X25519PublicKey& point) {
  const FixedBaseTable* table = use(point);
  if (table == nullptr) return crypto::x25519(secret, point);
  return table->multiply(Scalar::clamped(secret.reveal()));
}

bool PointTables::make_room() {
  if ((with_table_.size() + 1) * FixedBaseTable::bytes() <= config_.max_bytes) return true;
  if (with_table_.empty()) return false;
  const Slot& oldest = with_table_.back();
  if (clock_ - oldest.last_use < config_.stale_after) return false;
  index_.erase(oldest.point);
  with_table_.pop_back();
  return true;
}

const FixedBaseTable* PointTables::use(const X25519PublicKey& point) {
  clock_ += 1;
  auto at = index_.find(point);
  if (at == index_.end()) {
    if (config_.max_candidates == 0) return nullptr;
    if (candidates_.size() == config_.max_candidates) {
      index_.erase(candidates_.back().point);
      candidates_.pop_back();
    }
    candidates_.emplace_front().point = point;
    at = index_.emplace(point, candidates_.begin()).first;
  }
  const Slots::iterator slot = at->second;
  slot->uses += 1;
  slot->last_use = clock_;
  if (slot->table != nullptr) {
    with_table_.splice(with_table_.begin(), with_table_, slot);
    return slot->table.get();
  }
  candidates_.splice(candidates_.begin(), candidates_, slot);
  if (slot->fitness == Fitness::kUnfit || slot->uses < config_.uses_before_table || !make_room()) {
    return nullptr;
  }
  slot->table = FixedBaseTable::build(point);
  if (slot->table == nullptr) {
    slot->fitness = Fitness::kUnfit;
    return nullptr;
  }
  with_table_.splice(with_table_.begin(), candidates_, slot);
  return slot->table.get();
}

}  // namespace mix::crypto
