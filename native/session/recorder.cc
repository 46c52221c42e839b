#include "recorder.h"

#include <cstring>
#include <mutex>
#include <utility>

namespace premain {

namespace {

constexpr size_t kSpareBuffers = 2;

// Never destroyed: a tracer thread may outlive main().
struct Spares {
  std::mutex mutex;
  std::vector<Bytes> buffers;
};

Spares& spares() {
  static auto* const one = new Spares;
  return *one;
}

Bytes take_spare() {
  const std::lock_guard lock(spares().mutex);
  if (spares().buffers.empty()) return {};
  Bytes buffer = std::move(spares().buffers.back());
  spares().buffers.pop_back();
  return buffer;
}

}  // namespace

Recorder::~Recorder() { recycle(std::move(buffer_)); }

void Recorder::reserve(size_t bytes) {
  expected_ = bytes;
  if (buffer_.capacity() == 0) buffer_ = take_spare();
  buffer_.reserve(bytes);
}

void Recorder::recycle(Bytes buffer) {
  buffer.clear();
  const std::lock_guard lock(spares().mutex);
  if (buffer.capacity() > 0 && spares().buffers.size() < kSpareBuffers) spares().buffers.push_back(std::move(buffer));
}

void Recorder::begin(const wire::WireRecord& header) {
  if (buffer_.capacity() == 0) reserve(expected_);
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
  record_ = 0;
  return std::exchange(buffer_, {});
}

}  // namespace premain
