// What the session writes down at a stop.
#include <limits.h>

#include <algorithm>
#include <csignal>
#include <cstring>
#include <iterator>
#include <utility>

#include "path_arguments.h"
#include "session.h"

namespace premain {

namespace {

constexpr uint32_t kMostReads = 64;
constexpr size_t kLongestStack = 8 << 20;

}  // namespace

void Session::open_address_space(pid_t pid) {
  const std::lock_guard lock(space_mutex_);
  memory_ = Memory::open(pid);
  if (Result<MapsReader> maps = MapsReader::open(pid)) maps_ = std::move(*maps);
}

void Session::close_address_space() {
  const std::lock_guard lock(space_mutex_);
  memory_ = {};
  maps_ = {};
}

wire::WireRecord& Session::record(wire::Kind kind, Thread& thread, int32_t site) {
  held_until_now();
  report_ns_ = thread.at_ns;
  wire::WireRecord header{};
  header.kind = kind;
  header.tid = thread.tid;
  header.site = site;
  header.at_ns = zero_ns_ == 0 ? 0 : report_ns_ - zero_ns_;
  header.cpu_ns = used_ns_ = std::max(process_cpu_ns(pid_), used_ns_);
  header.thread_cpu_ns = thread_cpu_ns(thread, header.cpu_ns);
  // The cheap counters also count children that the target has reaped.
  faults_ = forked_ ? faults_of(pid_) : thread.faults;
  header.minor_faults = faults_.minor;
  header.major_faults = faults_.major;
  if (crossed(thread)) header.flags |= wire::kCrossed;
  return begin(header);
}

// The only thread's CPU time is the process's. Of several, each one's own switches count, not the group's.
uint64_t Session::thread_cpu_ns(Thread& thread, uint64_t process_ns) const {
  if (!threaded_) return process_ns;
  if (!thread.clock) thread.clock = ThreadClock(pid_, thread.tid);
  const std::optional<ThreadUse> use = thread.clock.read();
  if (!use) return process_ns;
  thread.switched = use->turns - std::exchange(thread.turns, use->turns);
  return use->cpu_ns;
}

// A record that belongs to no stop of a thread. Of a process that is gone, what it had used is known from its last exit stop.
wire::WireRecord& Session::record(wire::Kind kind) {
  held_until_now();
  report_ns_ = monotonic_ns();
  wire::WireRecord header{};
  header.kind = kind;
  header.tid = pid_;
  header.site = -1;
  header.at_ns = zero_ns_ == 0 ? 0 : report_ns_ - zero_ns_;
  header.cpu_ns = used_ns_ = std::max(process_cpu_ns(pid_), used_ns_);
  header.minor_faults = faults_.minor;
  header.major_faults = faults_.major;
  return begin(header);
}

wire::WireRecord& Session::begin(const wire::WireRecord& header) {
  recorder_.begin(header);
  open_ = true;
  if (last_held_ns_ != 0) {
    recorder_.section(wire::Section::LastHeld, &last_held_ns_, sizeof last_held_ns_);
    last_held_ns_ = 0;
  }
  return recorder_.header();
}

// Asking the kernel costs as much as all the rest of a stop, so it is asked only where the thread can have moved: it was
// not resumed on our core, or it was switched out for more than this stop.
bool Session::crossed(const Thread& thread) const {
  // Until its exec the target has no other core to be on.
  if (placement_ == nullptr || placement_->core() < 0 || phase_ <= Phase::InExec) return false;
  if (thread.placed && thread.switched <= 1) return false;
  const int core = last_core(thread.tid);
  return core >= 0 && core != placement_->core();
}

void Session::held_until_now() {
  if (!open_) return;
  open_ = false;
  const uint64_t held = monotonic_ns() - report_ns_;
  if (recorder_.size() > 0) {
    recorder_.header().held_ns = held;
  } else {
    last_held_ns_ = held;  // the record is JavaScript's already
  }
}

void Session::record_breakpoint(Thread& thread, const arch::Registers& registers, const Breakpoints::Entry& entry,
                                bool accepted) {
  const wire::WireSite& site = plan_.sites[static_cast<size_t>(entry.site)];
  wire::WireRecord& stop = record(wire::Kind::Breakpoint, thread, entry.site);
  stop.address = entry.address;
  stop.flags |= accepted ? 0 : wire::kRejected;
  if ((site.flags & wire::kRegisters) != 0) recorder_.registers(registers);
  take_reads(site, registers);
  if (plan_.header.stack_bytes > 0) {
    recorder_.section(wire::Section::Stack, [&](Bytes& out) {
      const size_t at = out.size();
      const size_t length = std::min<size_t>(plan_.header.stack_bytes, 1 << 20);
      out.resize(at + length);
      out.resize(at + memory_.read(arch::sp(registers), out.data() + at, length));
    });
  }
  if ((site.flags & wire::kMaps) != 0) {
    recorder_.section(wire::Section::Maps, [this](Bytes& out) { maps_.append(out); });
  }
}

size_t Session::read_original(uint64_t address, void* out, size_t length) const {
  const size_t have = memory_.read(address, out, length);
  breakpoints_.mask(address, static_cast<uint8_t*>(out), have);
  return have;
}

// The paths that a system call is given, each up to its NUL, or as far as memory or PATH_MAX go.
void Session::take_paths(const SyscallInfo& call) {
  const uint8_t paths = path_arguments(call.number);
  for (uint64_t i = 0; i < std::size(call.arguments); i++) {
    if ((paths >> i & 1) == 0) continue;
    recorder_.section(wire::Section::Argument, [&](Bytes& out) {
      const auto* index = reinterpret_cast<const uint8_t*>(&i);
      out.insert(out.end(), index, index + sizeof i);
      const size_t at = out.size();
      out.resize(at + PATH_MAX);
      const size_t have = memory_.read(call.arguments[i], out.data() + at, PATH_MAX);
      const void* nul = memchr(out.data() + at, 0, have);
      const auto* end = static_cast<const uint8_t*>(nul);
      out.resize(nul == nullptr ? at + have : static_cast<size_t>(end - out.data()) + 1);
    });
  }
}

void Session::take_reads(const wire::WireSite& site, const arch::Registers& registers) {
  uint64_t values[kMostReads] = {};
  for (uint32_t i = 0; i < site.read_count && i < kMostReads; i++) {
    const wire::WireRead& read = plan_.reads[site.first_read + i];
    uint64_t base = 0;
    switch (read.base) {
      case wire::ReadBase::Register:
        base = read.value < arch::kRegisterCount ? arch::word(registers, read.value) : 0;
        break;
      case wire::ReadBase::File:
        base = read.value + bias_;
        break;
      case wire::ReadBase::Read:
        base = values[read.value];
        break;
    }
    recorder_.section(wire::Section::Read, [&](Bytes& out) {
      const size_t at = out.size();
      out.resize(at + read.length);
      const size_t have =
          base == 0 ? 0 : read_original(base + static_cast<uint64_t>(read.offset), out.data() + at, read.length);
      out.resize(at + have);
      if (have > 0) memcpy(&values[i], out.data() + at, std::min<size_t>(have, sizeof values[i]));
    });
  }
}

// argc, argv, envp, auxv and the strings they point to lie between the stack pointer and the end of the stack's mapping.
void Session::record_initial_stack(uint64_t sp) {
  recorder_.section(wire::Section::InitialStack, [&](Bytes& out) {
    constexpr size_t kChunk = 8 * 1024;
    size_t total = 0;
    while (total < kLongestStack) {
      const size_t at = out.size();
      out.resize(at + kChunk);
      const size_t have = memory_.read(sp + total, out.data() + at, kChunk);
      out.resize(at + have);
      total += have;
      if (have < kChunk) return;
    }
  });
}

void Session::record_end(wire::End how, int64_t status, const char* syscall) {
  wire::WireRecord& end = record(wire::Kind::End);
  end.a = static_cast<int64_t>(how);
  end.b = status;
  end.site = static_cast<int32_t>(threads_at_end_);
  if (syscall != nullptr) recorder_.section(wire::Section::Syscall, syscall, strlen(syscall));
  for (const Descendant& one : family_) {
    recorder_.section(wire::Section::Descendant, [&](Bytes& out) {
      const wire::WireDescendant head{one.pid, one.parent, one.killed, 0};
      const auto* bytes = reinterpret_cast<const uint8_t*>(&head);
      out.insert(out.end(), bytes, bytes + sizeof head);
      out.insert(out.end(), one.executable.begin(), one.executable.end());
    });
  }
  held_until_now();
}

void Session::record_end(const World& world, const Launcher& launcher) {
  if (exec_error_) return record_end(wire::End::ExecFailed, *exec_error_, "execve");
  const std::optional<Failure> failure = refused_ ? refused_ : launcher.child_failure();
  if (failure) {
    return record_end(wire::End::LaunchFailed, -failure->error, failure->syscall);
  }
  const std::optional<WaitStatus>& ending = world.ending();
  if (const auto* exited = ending ? std::get_if<Exited>(&*ending) : nullptr) {
    return record_end(wire::End::Exited, exited->code, nullptr);
  }
  const auto* killed = ending ? std::get_if<Killed>(&*ending) : nullptr;
  const int signal = killed != nullptr ? killed->signal : SIGKILL;
  const bool ours = control_.killed_by_us() && signal == SIGKILL;
  record_end(ours ? wire::End::KilledByUs : wire::End::Signaled, signal, nullptr);
}

}  // namespace premain
