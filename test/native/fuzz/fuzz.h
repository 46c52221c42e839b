// What every fuzz target has in common: an input to take values from, and an end for what must not be.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

// libFuzzer's entry: source https://llvm.org/docs/LibFuzzer.html
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

namespace premain {

inline void must(bool holds) {
  if (!holds) __builtin_trap();
}

class Input {
 public:
  Input(const uint8_t* data, size_t size) : data_(data), left_(size) {}
  bool empty() const { return left_ == 0; }
  // Zero where the input has ended.
  template <class T>
  T take() {
    T value{};
    const size_t n = left_ < sizeof value ? left_ : sizeof value;
    if (n > 0) memcpy(&value, data_, n);
    data_ += n;
    left_ -= n;
    return value;
  }

 private:
  const uint8_t* data_;
  size_t left_;
};

}  // namespace premain
