// Writes records (wire.h) into one buffer that is reserved before the first stop: the stop path allocates nothing while
// it lasts.
#pragma once

#include <string>

#include "../arch/arch.h"
#include "../ptrace/proc.h"
#include "wire.h"

namespace premain {

class Recorder {
 public:
  Recorder() = default;
  ~Recorder();
  Recorder(const Recorder&) = delete;
  Recorder& operator=(const Recorder&) = delete;

  void reserve(size_t bytes);
  size_t size() const { return buffer_.size(); }

  // Starts a record; it is open until the next one starts. Nothing else may touch the buffer between its sections.
  void begin(const wire::WireRecord& header);
  // The open (last) record's header.
  wire::WireRecord& header();
  void section(wire::Section type, const void* bytes, size_t length);
  void registers(const arch::Registers& registers);
  // A section filled by `fill(Bytes&)`, which appends.
  template <class Fill>
  void section(wire::Section type, Fill fill) {
    const size_t at = open_section(type);
    fill(buffer_);
    close_section(at);
  }
  // Hands the finished records over; the next begin() takes a new buffer.
  Bytes take();
  // Gives a buffer back whose records have been read: fresh memory would cost a page fault every 4 KB. Any thread.
  static void recycle(Bytes buffer);

 private:
  size_t open_section(wire::Section type);
  void close_section(size_t at);

  Bytes buffer_;
  size_t expected_ = 0;
  size_t record_ = 0;
};

}  // namespace premain
