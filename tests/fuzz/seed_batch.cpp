// Writes the seed corpus of fuzz_batch into a folder: the same files at every run.
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <string>

#include "tests/rpc/batch_samples.h"

int main(int argc, char** argv) {
  if (argc != 2) {
    std::cerr << "usage: seed_batch FOLDER\n";
    return 2;
  }
  const std::filesystem::path folder = argv[1];
  std::filesystem::create_directories(folder);
  lc::samples::Random random(1);
  for (int i = 0; i < 200; ++i) {
    lippycat::data::PacketBatch batch;
    lc::samples::fill(batch, random);
    const std::string bytes = lc::samples::scrambled(batch, random);
    std::ofstream file(folder / ("batch-" + std::to_string(i)), std::ios::binary);
    file << bytes;
    if (!file.flush()) {
      std::cerr << "cannot write to " << folder << '\n';
      return 1;
    }
  }
  return 0;
}
