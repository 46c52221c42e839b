#include "memory.h"

#include <fcntl.h>
#include <sys/ptrace.h>
#include <sys/uio.h>

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

Memory Memory::open(pid_t pid) {
  char path[32];
  snprintf(path, sizeof path, "/proc/%d/mem", pid);
  return Memory(pid, Fd(::open(path, O_RDWR | O_CLOEXEC)));
}

size_t Memory::read(uint64_t address, void* out, size_t length) const {
  size_t done = 0;
  while (done < length) {
    const ssize_t n = read_some(address + done, static_cast<char*>(out) + done, length - done);
    if (n <= 0) break;
    done += static_cast<size_t>(n);
  }
  return done;
}

ssize_t Memory::read_some(uint64_t address, void* out, size_t length) const {
  if (fd_) return pread64(fd_.get(), out, length, static_cast<off64_t>(address));
  if (pid_ == 0) return 0;
  const iovec local{out, length};
  const iovec remote{reinterpret_cast<void*>(address), length};
  return process_vm_readv(pid_, &local, 1, &remote, 1, 0);
}

Status Memory::write(uint64_t address, const void* bytes, size_t length) const {
  if (fd_) {
    const ssize_t n = pwrite64(fd_.get(), bytes, length, static_cast<off64_t>(address));
    if (n == static_cast<ssize_t>(length)) return ok();
    if (n == 0) return Failure{ESRCH, "pwrite64"};
  }
  return poke(pid_, address, static_cast<const uint8_t*>(bytes), length);
}

}  // namespace premain
