// In place of libFuzzer, where there is no clang: `fuzz_TARGET [-max_total_time=SECONDS] FOLDER…` replays every file of the
// folders, then runs mutations of them, the same ones each time.
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <vector>

#include "fuzz.h"

namespace {

using Bytes = std::vector<uint8_t>;
using Clock = std::chrono::steady_clock;

std::vector<Bytes> read_all(const char* folder) {
  std::vector<Bytes> all;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    std::ifstream file(entry.path(), std::ios::binary);
    all.emplace_back(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
  }
  return all;
}

// A few edits: a bit, a byte of the kind that limits are made of, a stretch taken out or doubled.
Bytes mutated(Bytes bytes, std::mt19937_64& random) {
  static constexpr uint8_t kEdges[] = {0, 1, 0x7f, 0x80, 0xff, ' ', ')', '-'};
  for (uint64_t edits = 1 + random() % 8; edits > 0; edits--) {
    const size_t at = bytes.empty() ? 0 : random() % bytes.size();
    const auto from = bytes.begin() + static_cast<ptrdiff_t>(at);
    const size_t length = bytes.empty() ? 0 : 1 + random() % std::min<size_t>(bytes.size() - at, 64);
    const auto end = from + static_cast<ptrdiff_t>(length);
    switch (random() % 4) {
      case 0:
        if (!bytes.empty()) *from ^= static_cast<uint8_t>(1u << random() % 8);
        break;
      case 1:
        if (!bytes.empty()) *from = kEdges[random() % std::size(kEdges)];
        break;
      case 2:
        bytes.erase(from, end);
        break;
      default: {
        const Bytes doubled(from, end);
        bytes.insert(from, doubled.begin(), doubled.end());
      }
    }
  }
  return bytes;
}

}  // namespace

int main(int argc, char** argv) {
  double seconds = 0;
  std::vector<Bytes> corpus;
  for (int i = 1; i < argc; i++) {
    if (sscanf(argv[i], "-max_total_time=%lf", &seconds) == 1) continue;
    for (Bytes& bytes : read_all(argv[i])) corpus.push_back(std::move(bytes));
  }
  if (corpus.empty()) {
    fprintf(stderr, "nothing to replay\n");
    return 1;
  }
  for (const Bytes& bytes : corpus) LLVMFuzzerTestOneInput(bytes.data(), bytes.size());
  std::mt19937_64 random;
  size_t runs = 0;
  const auto until = Clock::now() + std::chrono::duration<double>(seconds);
  for (; Clock::now() < until; runs++) {
    const Bytes bytes = mutated(corpus[random() % corpus.size()], random);
    LLVMFuzzerTestOneInput(bytes.data(), bytes.size());
  }
  printf("%zu replayed, %zu mutations\n", corpus.size(), runs);
  return 0;
}
