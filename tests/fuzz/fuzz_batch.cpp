// packet::Batch::parse against the generated parser: aborts when they disagree (tests/rpc/batch_judge.h says about
// what).
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "tests/rpc/batch_judge.h"

extern "C" int LLVMFuzzerInitialize(int*, char***) {
  lc::judge::silence_protobuf();
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  bool accepted = false;
  const std::string why = lc::judge::disagreement({data, size}, accepted);
  if (!why.empty()) {
    std::fprintf(stderr, "%s in %zu bytes: %s\n", why.c_str(), size, lc::judge::hex({data, size}).c_str());
    std::abort();
  }
  return 0;
}
