#include "mix/base/panic.h"

#include <cstdio>
#include <cstdlib>

namespace mix::base {

void panic(const char* what) {
  std::fputs(what, stderr);
  std::fputc('\n', stderr);
  std::abort();
}

}  // namespace mix::base
