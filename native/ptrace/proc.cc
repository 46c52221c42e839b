#include "proc.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

#include <cstdio>
#include <cstring>
#include <ctime>

namespace premain {

namespace {

Fd open_proc(pid_t pid, const char* name) {
  char path[128];
  snprintf(path, sizeof path, "/proc/%d/%.100s", pid, name);
  return Fd(open(path, O_RDONLY | O_CLOEXEC));
}

// What one read of a /proc file can give: the kernel fills a page.
constexpr size_t kChunk = 4096;

bool never(const uint8_t*, size_t) { return false; }

// The page of vsyscall lies above all others, where no program can map anything: behind its line there is nothing.
// linux arch/x86/entry/vsyscall/vsyscall_64.c
bool ends_maps(const uint8_t* text, size_t length) {
  constexpr char kLine[] = "ffffffffff600000-ffffffffff601000 ";
  constexpr size_t kLongest = 128;
  if (length < 2 || text[length - 1] != '\n') return false;
  const void* before = memrchr(text, '\n', length - 1);
  const uint8_t* line = before == nullptr ? text : static_cast<const uint8_t*>(before) + 1;
  const auto size = static_cast<size_t>(text + length - line);
  return size < kLongest && size > sizeof kLine && memcmp(line, kLine, sizeof kLine - 1) == 0;
}

// Until there is no more, or until `ends` says so of what one read gave: that saves the read that gives nothing.
void append_whole(int fd, Bytes& out, bool (*ends)(const uint8_t*, size_t) = never) {
  off_t offset = 0;
  for (;;) {
    const size_t at = out.size();
    out.resize(at + kChunk);
    const ssize_t n = pread(fd, out.data() + at, kChunk, offset);
    out.resize(at + (n > 0 ? static_cast<size_t>(n) : 0));
    if (n <= 0 || ends(out.data() + at, static_cast<size_t>(n))) return;
    offset += n;
  }
}

uint64_t clock_ns(clockid_t clock) {
  timespec time;
  if (clock_gettime(clock, &time) == -1) return 0;
  return static_cast<uint64_t>(time.tv_sec) * 1'000'000'000ull + static_cast<uint64_t>(time.tv_nsec);
}

// linux include/linux/posix-timers_types.h: the pid's complement, then CPUCLOCK_SCHED.
constexpr unsigned kClockSched = 2;

clockid_t process_clock(pid_t pid) { return static_cast<clockid_t>((~static_cast<unsigned>(pid) << 3) | kClockSched); }

}  // namespace

// /proc/id/stat, empty when the process is gone.
static std::string_view read_stat(pid_t id, char (&text)[1024]) {
  const Fd fd = open_proc(id, "stat");
  const ssize_t n = fd ? read(fd.get(), text, sizeof text) : -1;
  return {text, n > 0 ? static_cast<size_t>(n) : 0};
}

Faults faults_of(pid_t pid) {
  char text[1024];
  const std::string_view stat = read_stat(pid, text);
  return {stat_field(stat, 10), stat_field(stat, 12)};
}

int last_core(pid_t tid) {
  char text[1024];
  const std::string_view stat = read_stat(tid, text);
  return stat.empty() ? -1 : static_cast<int>(stat_field(stat, 39));
}

Result<MapsReader> MapsReader::open(pid_t pid) {
  MapsReader reader;
  reader.fd_ = open_proc(pid, "maps");
  if (!reader.fd_) return failed("open");
  return reader;
}

void MapsReader::append(Bytes& out) const { append_whole(fd_.get(), out, ends_maps); }

Status append_auxv(pid_t pid, Bytes& out) {
  const Fd fd = open_proc(pid, "auxv");
  if (!fd) return failed("open");
  append_whole(fd.get(), out);
  return ok();
}

Result<Fd> open_executable(pid_t pid) {
  Fd fd = open_proc(pid, "exe");
  if (!fd) return failed("open");
  return fd;
}

std::string executable_path(pid_t pid) {
  char link[64];
  char path[4096];
  snprintf(link, sizeof link, "/proc/%d/exe", pid);
  const ssize_t n = readlink(link, path, sizeof path);
  return n > 0 ? std::string(path, static_cast<size_t>(n)) : std::string();
}

void file_identity(const Fd& file, uint64_t& device, uint64_t& inode) {
  struct stat info;
  const bool known = file && fstat(file.get(), &info) == 0;
  device = known ? info.st_dev : 0;
  inode = known ? info.st_ino : 0;
}

std::vector<pid_t> children_of(pid_t pid) {
  std::vector<pid_t> children;
  char path[64];
  snprintf(path, sizeof path, "/proc/%d/task", pid);
  DIR* tasks = opendir(path);
  if (tasks == nullptr) return children;
  while (const dirent* task = readdir(tasks)) {
    if (task->d_name[0] == '.') continue;
    char name[64];
    snprintf(name, sizeof name, "task/%.20s/children", task->d_name);
    const Fd fd = open_proc(pid, name);
    if (!fd) continue;
    Bytes text;
    append_whole(fd.get(), text);
    append_children({reinterpret_cast<const char*>(text.data()), text.size()}, children);
  }
  closedir(tasks);
  return children;
}

bool is_asleep(pid_t tid) {
  const Fd fd = open_proc(tid, "wchan");
  char first = '0';
  return fd && ::read(fd.get(), &first, 1) == 1 && first != '0';
}

ThreadClock::ThreadClock(pid_t pid, pid_t tid) {
  char name[64];
  snprintf(name, sizeof name, "task/%d/schedstat", tid);
  fd_ = open_proc(pid, name);
}

std::optional<ThreadUse> ThreadClock::read() const {
  char text[128];
  const ssize_t n = fd_ ? pread(fd_.get(), text, sizeof text, 0) : -1;
  if (n <= 0) return std::nullopt;
  return thread_use({text, static_cast<size_t>(n)});
}

uint64_t process_cpu_ns(pid_t pid) { return clock_ns(process_clock(pid)); }
uint64_t monotonic_ns() { return clock_ns(CLOCK_MONOTONIC); }
uint64_t realtime_ns() { return clock_ns(CLOCK_REALTIME); }

}  // namespace premain
