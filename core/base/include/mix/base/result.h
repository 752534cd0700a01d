// Result<T>: a value or an Error, without exceptions. Method names are those of
// std::expected (C++23), so that a later switch is a search and replace.
#pragma once

#include <utility>
#include <variant>

#include "mix/base/error.h"
#include "mix/base/panic.h"

namespace mix::base {

template <class T>
class [[nodiscard]] Result {
 public:
  using value_type = T;

  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}
  Result(Errc code) : Result(Error{code}) {}

  [[nodiscard]] bool has_value() const { return state_.index() == 0; }
  explicit operator bool() const { return has_value(); }

  /// Panics when there is no value: ask has_value() first.
  [[nodiscard]] T& value() & { return checked<0>(state_); }
  [[nodiscard]] const T& value() const& { return checked<0>(state_); }
  [[nodiscard]] T&& value() && { return std::move(checked<0>(state_)); }
  [[nodiscard]] T& operator*() & { return value(); }
  [[nodiscard]] const T& operator*() const& { return value(); }
  [[nodiscard]] T&& operator*() && { return std::move(*this).value(); }
  [[nodiscard]] T* operator->() { return &value(); }
  [[nodiscard]] const T* operator->() const { return &value(); }
  [[nodiscard]] T value_or(T fallback) const& {
    return has_value() ? value() : std::move(fallback);
  }

  [[nodiscard]] const Error& error() const& { return checked<1>(state_); }
  [[nodiscard]] Error&& error() && { return std::move(checked<1>(state_)); }

 private:
  template <std::size_t I, class V>
  static auto& checked(V& state) {
    auto* held = std::get_if<I>(&state);
    if (held == nullptr) panic("Result: wrong alternative");
    return *held;
  }

  std::variant<T, Error> state_;
};

template <>
class [[nodiscard]] Result<void> {
 public:
  using value_type = void;

  Result() = default;
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}
  Result(Errc code) : Result(Error{code}) {}

  [[nodiscard]] bool has_value() const { return state_.index() == 0; }
  explicit operator bool() const { return has_value(); }
  void value() const {
    if (!has_value()) panic("Result<void>: no value");
  }
  [[nodiscard]] const Error& error() const& {
    const auto* held = std::get_if<1>(&state_);
    if (held == nullptr) panic("Result<void>: no error");
    return *held;
  }

 private:
  std::variant<std::monostate, Error> state_;
};

}  // namespace mix::base

#define MIX_DETAIL_CAT2(a, b) a##b
#define MIX_DETAIL_CAT(a, b) MIX_DETAIL_CAT2(a, b)
#define MIX_DETAIL_TRY(tmp, decl, ...)                 \
  auto tmp = (__VA_ARGS__);                            \
  if (!tmp.has_value()) return std::move(tmp).error(); \
  decl = *std::move(tmp)

/// `MIX_TRY(const auto x, reader.u8());` declares x or returns the error to the caller.
#define MIX_TRY(decl, ...) MIX_DETAIL_TRY(MIX_DETAIL_CAT(mix_try_, __COUNTER__), decl, __VA_ARGS__)

/// `MIX_CHECK(reader.finish());` returns the error of a Result<void> to the caller.
#define MIX_CHECK(...)                                              \
  do {                                                              \
    if (auto mix_check_ = (__VA_ARGS__); !mix_check_.has_value()) { \
      return mix_check_.error();                                    \
    }                                                               \
  } while (false)
