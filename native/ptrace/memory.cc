#include "memory.h"

#include <fcntl.h>
#include <sys/ptrace.h>

#include <cstdio>
#include <cstring>

namespace premain {

namespace {

Status poke(pid_t pid, uint64_t address, const uint8_t* bytes, size_t length) {
  while (length > 0) {
    const uint64_t base = address & ~7ull;
    const size_t offset = address - base;
    const size_t count = length < 8 - offset ? length : 8 - offset;
    errno = 0;
    long word = ptrace(PTRACE_PEEKDATA, pid, base, nullptr);
    if (errno != 0) return failed("ptrace");
    memcpy(reinterpret_cast<uint8_t*>(&word) + offset, bytes, count);
    if (ptrace(PTRACE_POKEDATA, pid, base, word) == -1) return failed("ptrace");
    address += count, bytes += count, length -= count;
  }
  return ok();
}

}  // namespace

Result<Memory> Memory::open(pid_t pid) {
  char path[32];
  snprintf(path, sizeof path, "/proc/%d/mem", pid);
  Fd fd(::open(path, O_RDWR | O_CLOEXEC));
  if (!fd) return failed("open");
  return Memory(pid, std::move(fd));
}

size_t Memory::read(uint64_t address, void* out, size_t length) const {
  size_t done = 0;
  while (done < length) {
    const ssize_t n =
        pread64(fd_.get(), static_cast<char*>(out) + done, length - done, static_cast<off64_t>(address + done));
    if (n <= 0) break;
    done += static_cast<size_t>(n);
  }
  return done;
}

Status Memory::write(uint64_t address, const void* bytes, size_t length) const {
  if (pwrite64(fd_.get(), bytes, length, static_cast<off64_t>(address)) == static_cast<ssize_t>(length)) return ok();
  return poke(pid_, address, static_cast<const uint8_t*>(bytes), length);
}

}  // namespace premain
