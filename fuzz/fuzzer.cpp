// libFuzzer's program for all targets: `mix-fuzz --target=<name> [libFuzzer's arguments]`.
// libFuzzer leaves arguments with two dashes to us, and hands them to the processes that it starts.
#include <cstdio>
#include <cstdlib>
#include <span>

#include "support/target.h"

using namespace mix;

namespace {

constexpr std::string_view kArgument = "--target=";

fuzz::Function chosen = nullptr;

}  // namespace

extern "C" int LLVMFuzzerInitialize(int* argc, char*** argv);
extern "C" int LLVMFuzzerInitialize(int* argc, char*** argv) {
  for (const std::string_view argument : std::span(*argv, static_cast<std::size_t>(*argc))) {
    if (!argument.starts_with(kArgument)) continue;
    const auto found =
        std::ranges::find(fuzz::targets(), argument.substr(kArgument.size()), &fuzz::Target::name);
    if (found != fuzz::targets().end()) chosen = found->run;
  }
  if (chosen != nullptr) return 0;
  std::fputs("mix-fuzz: no --target=, or none of these:\n", stderr);
  for (const fuzz::Target& target : fuzz::targets()) {
    std::fprintf(stderr, "  %.*s\n", static_cast<int>(target.name.size()), target.name.data());
  }
  std::exit(2);
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  chosen({data, size});
  return 0;
}
