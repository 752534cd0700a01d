// The benchmark natively, for profilers: MB/s of a download, the best of the rounds.
//   mix-loopback http:BODY_BYTES|RECORDING [ROUNDS]
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <span>
#include <string>
#include <vector>

#include "download.h"
#include "mix/base/panic.h"

namespace {

using namespace mix;

std::unique_ptr<bench::Download> make(const std::string& what) {
  if (what.starts_with("http:")) return bench::Download::plain(std::stoul(what.substr(5)));
  std::ifstream file{what, std::ios::binary};
  const base::Bytes bytes{std::istreambuf_iterator<char>{file}, std::istreambuf_iterator<char>{}};
  auto script = bench::Script::decode(bytes);
  if (!script) base::panic("bench: not a recording");
  return bench::Download::encrypted(*std::move(script));
}

}  // namespace

int main(int argc, char** argv) {
  const std::span given{argv, static_cast<std::size_t>(argc)};
  const std::vector<std::string> args(given.begin(), given.end());
  if (args.size() < 2) {
    std::fputs("usage: mix-loopback http:BODY_BYTES|RECORDING [ROUNDS]\n", stderr);
    return 2;
  }
  const int rounds = args.size() > 2 ? std::stoi(args[2]) : 5;
  double best = 0;
  for (int round = 0; round < rounds; ++round) {
    const auto download = make(args[1]);
    std::size_t bytes = 0;
    const auto begun = std::chrono::steady_clock::now();
    download->run([&](base::ByteView chunk) { bytes += chunk.size(); });
    const std::chrono::duration<double, std::micro> took = std::chrono::steady_clock::now() - begun;
    best = std::max(best, static_cast<double>(bytes) / took.count());
  }
  std::printf("%.1f MB/s\n", best);
  return 0;
}
