#include "recorder.h"

#include <cstring>

namespace premain {

void Recorder::begin(const wire::WireRecord& header) {
  record_ = buffer_.size();
  buffer_.resize(record_ + sizeof header);
  memcpy(buffer_.data() + record_, &header, sizeof header);
  this->header().size = sizeof header;
}

// Records are eight-byte aligned in a buffer that operator new aligned.
wire::WireRecord& Recorder::header() { return *reinterpret_cast<wire::WireRecord*>(buffer_.data() + record_); }

void Recorder::section(wire::Section type, const void* bytes, size_t length) {
  const size_t at = open_section(type);
  const auto* from = static_cast<const uint8_t*>(bytes);
  buffer_.insert(buffer_.end(), from, from + length);
  close_section(at);
}

void Recorder::registers(const arch::Registers& registers) {
  section(wire::Section::Registers, &registers, sizeof registers);
}

size_t Recorder::open_section(wire::Section type) {
  const size_t at = buffer_.size();
  const wire::WireSection head{type, 0};
  buffer_.resize(at + sizeof head);
  memcpy(buffer_.data() + at, &head, sizeof head);
  return at;
}

void Recorder::close_section(size_t at) {
  const uint32_t length = static_cast<uint32_t>(buffer_.size() - at - sizeof(wire::WireSection));
  memcpy(buffer_.data() + at + offsetof(wire::WireSection, length), &length, sizeof length);
  buffer_.resize((buffer_.size() + 7) & ~size_t{7});
  header().size = static_cast<uint32_t>(buffer_.size() - record_);
}

Bytes Recorder::take() {
  Bytes full;
  const size_t capacity = buffer_.capacity();
  full.swap(buffer_);
  buffer_.reserve(capacity);
  record_ = 0;
  return full;
}

}  // namespace premain
