// Memory that ends. The C libraries below (TLS, HTTP/2, decompression, the network stack) are told
// that an allocation failed, at every place of a tunnel's life in turn: what waits ends in a typed
// error or goes on, and the next tunnel works. C++ code that finds no memory ends the program
// instead, in a browser the worker, of which tests/e2e/fault-injection.test.ts tells.
//
// The simulated servers share the libraries and meet the same failures, as servers do.
// MIX_ALLOCATIONS=N: how many places, evenly spread.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "world.h"

// The linker leads the static libraries' calls here (--wrap), whose names it gives.
// NOLINTBEGIN(bugprone-reserved-identifier,cert-dcl37-c,cert-dcl51-cpp)
extern "C" {
void* __real_malloc(std::size_t size);
void* __real_calloc(std::size_t count, std::size_t size);
void* __real_realloc(void* block, std::size_t size);
void* __wrap_malloc(std::size_t size);
void* __wrap_calloc(std::size_t count, std::size_t size);
void* __wrap_realloc(void* block, std::size_t size);
}

namespace {

/// Allocations so far, and the one that fails; 0: none.
std::size_t calls = 0, failing = 0;

bool fails() { return ++calls == failing; }

}  // namespace

void* __wrap_malloc(std::size_t size) { return fails() ? nullptr : __real_malloc(size); }
void* __wrap_calloc(std::size_t count, std::size_t size) {
  return fails() ? nullptr : __real_calloc(count, size);
}
void* __wrap_realloc(void* block, std::size_t size) {
  return fails() ? nullptr : __real_realloc(block, size);
}

// NOLINTEND(bugprone-reserved-identifier,cert-dcl37-c,cert-dcl51-cpp)

namespace mix::sim {
namespace {

constexpr std::size_t kPlaces = 40;

std::string url() { return "https://" + std::string(kHost) + "/bytes/3000"; }

/// Set-up and a request. Whether the page got what it asked for.
bool connect_and_get(World& world) {
  if (!world.set_up()) {
    // Refused by `start`, which reads the roots, or failed later.
    EXPECT_TRUE(world.news().empty() || world.engine().state() == tunnel::State::kFailed);
    return false;
  }
  const Fetch& fetch = world.get(url());
  EXPECT_TRUE(fetch.done());
  if (fetch.failed) {
    EXPECT_NE(fetch.failed->error.code, base::Errc{});
    return false;
  }
  EXPECT_EQ(fetch.body, pattern(3000));
  return true;
}

TEST(Allocations, ThatFailEndInAnErrorAndTheNextTunnelWorks) {
  calls = failing = 0;
  std::size_t total = 0;
  {
    World world(without_cover());
    const std::size_t before = calls;
    ASSERT_TRUE(connect_and_get(world));
    total = calls - before;
  }
  const char* wanted = std::getenv("MIX_ALLOCATIONS");
  const std::size_t places = wanted == nullptr
                                 ? kPlaces
                                 : std::clamp(std::strtoull(wanted, nullptr, 10), 1ULL, 100'000ULL);
  ASSERT_GT(total, kPlaces);
  const std::size_t step = std::max<std::size_t>(1, total / places);
  std::size_t tried = 0, survived = 0;
  for (std::size_t nth = 1; nth <= total; nth += step) {
    SCOPED_TRACE(nth);
    World world(without_cover());
    failing = calls + nth;
    survived += connect_and_get(world) ? 1 : 0;
    ++tried;
    failing = 0;
    world.shut_down();
    world.run_for(5s);
    world.replace_engine();
    ASSERT_TRUE(connect_and_get(world)) << "after the failure of allocation " << nth;
  }
  std::printf("%zu of %zu allocations failed, one each time; %zu times the request was served\n",
              tried, total, survived);
}

}  // namespace
}  // namespace mix::sim
