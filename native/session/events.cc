// What the session does at each kind of stop.
#include <elf.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "../ptrace/knobs.h"
#include "session.h"

namespace premain {

namespace {

// It is this process that may open no more: nothing is known of the target by that.
bool is_shortage(const Failure& failure) {
  return failure.error == EMFILE || failure.error == ENFILE || failure.error == ENOMEM;
}

}  // namespace

void Session::on_signal(World& world, Thread& thread, int signal) {
  if (signal == SIGTRAP && phase_ >= Phase::AfterExec) return on_trap(world, thread);
  if (signal == SIGSTOP) {
    Result<SignalInfo> info = thread.stopped->signal_info();
    if (info && control_.is_wake(*info)) {
      control_.wake_seen();
      const pid_t tid = thread.tid;
      serve_commands(world);  // may resume, detach or forget the thread
      Thread* still = world.find(tid);
      if (still != nullptr && still->stopped) world.resume(*still, how(), false);
      return;
    }
    const bool own = info && info->code == SI_TKILL && info->sender == pid_;
    if (phase_ == Phase::Starting && own) {  // the launched child's: its execve is next
      phase_ = Phase::BeforeExec;
      handed_over_.clear();
      control_.open_wakes();
      const pid_t tid = thread.tid;
      serve_commands(world);
      if (Thread* still = world.find(tid)) world.resume(*still, how(), false);
      return;
    }
  }
  thread.signal = signal;
  if (!thread.foreign && phase_ > Phase::BeforeExec) record(wire::Kind::Signal, thread).a = signal;
  resume(world, thread);
}

void Session::on_trap(World& world, Thread& thread) {
  Result<arch::Registers> registers = thread.stopped->registers();
  if (!registers) return world.resume(thread, how(), false);
  const uint64_t address = arch::pc(*registers) - arch::kTrapDistance;
  Breakpoints::Entry* entry = breakpoints_.find(address);
  if (entry != nullptr && entry->armed) return on_breakpoint(world, thread, *registers, *entry);
  if (entry != nullptr) {
    // Another thread had it taken out after this one trapped on it; a SIGTRAP that somebody sent has another code.
    Result<SignalInfo> info = thread.stopped->signal_info();
    if (info && info->code == SI_KERNEL) {
      (void)thread.stopped->set_pc(address);
      return resume(world, thread);
    }
  }
  thread.signal = SIGTRAP;
  record(wire::Kind::Signal, thread).a = SIGTRAP;
  resume(world, thread);
}

void Session::on_breakpoint(World& world, Thread& thread, const arch::Registers& at, Breakpoints::Entry& entry) {
  const wire::WireSite site = plan_.sites[static_cast<size_t>(entry.site)];
  const uint64_t address = entry.address;
  arch::Registers registers = at;
  arch::set_pc(registers, address);
  uint64_t caller = 0;
  if (site.arm_return >= 0 || (site.flags & wire::kCallerWithin) != 0) {
    memory_.read(arch::sp(registers), &caller, sizeof caller);
  }
  const bool loader = (site.flags & wire::kLoader) != 0;
  const bool accepted = !loader && ((site.flags & wire::kCallerWithin) == 0 ||
                                    (caller - bias_ >= site.caller_low && caller - bias_ < site.caller_high));
  if (!thread.foreign) record_breakpoint(thread, registers, entry, accepted);
  (void)thread.stopped->set_pc(address);

  if (thread.foreign || !accepted) {
    // Not for us: over it with the real instruction in place while nobody else runs, and armed again.
    const pid_t tid = thread.tid;
    const bool report = !thread.foreign && (loader || plan_.has(wire::kAllStop));
    world.stop_all();  // the thread may have ended: not to be touched any more
    (void)breakpoints_.disarm(memory_, entry);
    (void)world.step(tid);
    (void)breakpoints_.arm(memory_, entry);
    if (report) hold(world);
    held_until_now();
    if (phase_ == Phase::Ending || phase_ == Phase::Leaving) return;
    return world.resume_all(how());
  }

  (void)breakpoints_.disarm(memory_, entry);
  knobs::reached(knobs::Point::Disarmed, thread.tid);
  if (site.arm_return >= 0) breakpoints_.insert(memory_, caller, site.arm_return);
  const bool last = (site.flags & wire::kLast) != 0;
  if (plan_.has(wire::kAllStop)) {
    world.stop_all();  // the thread may have ended: not to be touched any more
    hold(world);
    if (phase_ == Phase::Ending || phase_ == Phase::Leaving) return;
    if (last && plan_.has(wire::kRun)) return let_go(world);
    if (last) end(world);
    return world.resume_all(how());
  }
  if (!last) return resume(world, thread, (site.flags & wire::kKeepMask) == 0);
  if (plan_.has(wire::kRun)) return let_go(world);
  end(world);
  world.resume(thread, Resume::Continue, false);
}

void Session::on_syscall(World& world, Thread& thread) {
  Result<SyscallInfo> info = thread.stopped->syscall_info();
  if (!info || (!info->entry && !info->exit)) return world.resume(thread, how(), false);
  switch (phase_) {
    case Phase::BeforeExec:
      if (!info->entry || info->number != SYS_execve) return world.resume(thread, how(), false);
      record(wire::Kind::SyscallEntry, thread).a = static_cast<int64_t>(realtime_ns());
      phase_ = Phase::InExec;
      held_until_now();
      told_ns_ = zero_ns_ = monotonic_ns();
      return world.resume(thread, Resume::ToSyscall, true);
    case Phase::InExec:
      exec_error_ = info->result;
      record(wire::Kind::SyscallExit, thread).a = info->result;
      end(world);
      return world.resume(thread, Resume::Continue, false);
    case Phase::AfterExec:
      record(wire::Kind::SyscallExit, thread).a = info->result;
      if (Result<arch::Registers> registers = thread.stopped->registers()) {
        recorder_.header().address = arch::pc(*registers);
      }
      phase_ = Phase::Running;
      return resume(world, thread);
    default:
      break;
  }
  if (!plan_.has(wire::kSyscalls) || phase_ != Phase::Running || thread.foreign) {
    return world.resume(thread, how(), false);
  }
  wire::WireRecord& entry = record(wire::Kind::Syscall, thread);
  if (info->entry) {
    entry.a = static_cast<int64_t>(info->number);
    recorder_.section(wire::Section::Arguments, info->arguments, sizeof info->arguments);
    take_paths(*info);
  } else {
    entry.flags |= wire::kAtExit;
    entry.b = info->result;
  }
  resume(world, thread);
}

void Session::on_exec(World& world, Thread& thread) {
  if (thread.foreign || thread.copy) {  // a vfork child has its own memory now
    return world.release(thread.tid, 0);
  }
  if (phase_ == Phase::Leaving) {  // set free on its way into this image: nothing is armed in it, nobody waits for it
    breakpoints_.clear();
    return world.resume(thread, Resume::Continue, false);
  }
  const pid_t tid = thread.tid;
  if (phase_ == Phase::InExec) placement_->widen(tid);
  Result<arch::Registers> registers = thread.stopped->registers();
  open_address_space(tid);
  breakpoints_.clear();

  Bytes auxv;
  const Status vector = append_auxv(tid, auxv);
  entry_ = auxv_value(auxv.data(), auxv.size(), AT_ENTRY);
  bias_ = entry_ - plan_.header.entry;
  linker_ = auxv_value(auxv.data(), auxv.size(), AT_BASE);
  uint64_t device = 0;
  uint64_t inode = 0;
  Result<Fd> opened = open_executable(tid);
  // Without these the program would pass for another one. One that is to run on is let go on where it has begun.
  if (phase_ == Phase::InExec || !plan_.has(wire::kRun)) {
    if (!vector && is_shortage(vector.failure())) refused_ = vector.failure();
    if (!opened && is_shortage(opened.failure())) refused_ = opened.failure();
  }
  Fd executable = opened ? std::move(*opened) : Fd();
  file_identity(executable, device, inode);
  const bool planned = plan_.header.inode == 0 || (device == plan_.header.device && inode == plan_.header.inode);
  planned_ = planned;

  wire::WireRecord& exec = record(wire::Kind::Exec, thread);
  exec.a = static_cast<int64_t>(bias_);
  exec.flags |= planned ? 0 : wire::kUnplanned;
  if (registers) {
    exec.address = arch::pc(*registers);
    recorder_.registers(*registers);
    record_initial_stack(arch::sp(*registers));
  }
  recorder_.section(wire::Section::Auxv, auxv.data(), auxv.size());
  const std::string path = executable_path(tid);
  recorder_.section(wire::Section::Executable, path.data(), path.size());
  recorder_.section(wire::Section::Maps, [this](Bytes& out) { maps_.append(out); });

  const Resume next = phase_ == Phase::InExec ? Resume::ToSyscall : how();
  if (phase_ == Phase::InExec) phase_ = Phase::AfterExec;
  if (planned && !refused_) arm_plan(std::move(executable));
  if (refused_) {
    end(world);
    return world.resume(thread, Resume::Continue, false);
  }
  if (free_at_exec_) return let_go(world);
  if (!planned || plan_.has(wire::kAllStop)) {
    hold(world);
    if (phase_ == Phase::Ending || phase_ == Phase::Leaving) return;
  }
  held_until_now();
  world.resume(thread, next, true);
}

void Session::arm_plan(Fd executable) {
  const uint64_t before = monotonic_ns();
  for (size_t i = 0; i < plan_.sites.size(); i++) {
    if (plan_.sites[i].address != wire::kNoAddress && (plan_.sites[i].flags & wire::kOtherImage) == 0) {
      breakpoints_.add(address_of(plan_.sites[i]), static_cast<int32_t>(i));
    }
  }
  const wire::WirePlan& plan = plan_.header;
  breakpoints_.arm_all(memory_,
                       TextFile(std::move(executable), plan.text_address + bias_, plan.text_offset, plan.text_size));
  for (const wire::WireSite& site : plan_.sites) {
    if ((site.flags & wire::kOtherImage) != 0 || site.address == wire::kNoAddress) continue;
    const Breakpoints::Entry* entry = breakpoints_.find(address_of(site));
    must_stop_at(site, entry != nullptr && entry->armed);
  }
  recorder_.header().b = static_cast<int64_t>(monotonic_ns() - before);
}

// A target that would outrun its last planned stop is ended instead.
void Session::must_stop_at(const wire::WireSite& site, bool armed) {
  if (!armed && (site.flags & wire::kLast) != 0 && !plan_.has(wire::kRun)) refused_ = Failure{EFAULT, "pwrite64"};
}

uint64_t Session::address_of(const wire::WireSite& site) const {
  return site.address + ((site.flags & wire::kLoader) != 0 ? linker_ : bias_);
}

void Session::add_sites(const std::vector<uint8_t>& bytes) {
  std::optional<Plan> more = Plan::decode(bytes.data(), bytes.size());
  if (!more) return;
  bias_ = entry_ - more->header.entry;
  const auto first_site = static_cast<int32_t>(plan_.sites.size());
  const auto first_read = static_cast<uint32_t>(plan_.reads.size());
  plan_.reads.insert(plan_.reads.end(), more->reads.begin(), more->reads.end());
  const std::lock_guard lock(space_mutex_);
  for (wire::WireSite& site : more->sites) {
    site.first_read += first_read;
    if (site.arm_return >= 0) site.arm_return += first_site;
    if (!planned_) site.flags |= wire::kOtherImage;
    plan_.sites.push_back(site);
    if (site.address == wire::kNoAddress || entry_ == 0) continue;
    const auto index = static_cast<int32_t>(plan_.sites.size() - 1);
    must_stop_at(site, breakpoints_.insert(memory_, address_of(site), index) != nullptr);
  }
}

void Session::on_birth(World& world, Thread& thread, BirthStop::How how) {
  Result<pid_t> newborn = thread.stopped->newborn();
  if (!newborn) return world.resume(thread, this->how(), false);
  const pid_t born = *newborn;
  Thread& child = world.add(born);
  child.claimed = true;
  placement_->inherit(thread.tid, born);
  const bool is_thread = how == BirthStop::How::Thread && syscall(SYS_tgkill, pid_, born, 0) == 0;
  if (is_thread) {
    threaded_ = true;
  } else {
    forked_ = true;
    child.foreign = shares_memory(thread, born);
    child.copy = !child.foreign;
  }
  if (!thread.foreign) {
    wire::WireRecord& birth = record(is_thread ? wire::Kind::Thread : wire::Kind::Fork, thread);
    birth.a = born;
    birth.b = !is_thread && how == BirthStop::How::Vfork;
  }
  thread.in_vfork = how == BirthStop::How::Vfork;
  resume(world, thread, true);
  if (child.stopped) on_trap_stop(world, child);
}

void Session::on_trap_stop(World& world, Thread& thread) {
  if (!thread.claimed) return;  // a newborn whose maker has not reported it yet: stays stopped
  if (thread.copy) return adopt_copy(world, thread, TrapStop{});
  world.resume(thread, how(), false);
}

// kcmp says for certain, but containers refuse it by default: then what the maker asked the kernel for.
bool Session::shares_memory(const Thread& maker, pid_t born) const {
  if (const std::optional<bool> known = same_memory(maker.tid, born)) return *known;
  Result<arch::Registers> registers = maker.stopped->registers();
  if (!registers) return false;
  return asked_to_share_memory(*registers, memory_);
}

// A forked child has a copy of our breakpoints: clean it and let it go.
void Session::adopt_copy(World& world, Thread& thread, const WaitStatus& status) {
  breakpoints_.clean_copy(Memory::open(thread.tid));
  int signal = 0;
  if (const auto* stop = std::get_if<SignalStop>(&status)) {
    signal = stop->signal;
    Result<arch::Registers> registers = thread.stopped->registers();
    const uint64_t address = registers ? arch::pc(*registers) - arch::kTrapDistance : 0;
    if (signal == SIGTRAP && breakpoints_.find(address) != nullptr) {
      (void)thread.stopped->set_pc(address);
      signal = 0;
    }
  }
  if (control_.killed_by_us()) kill(thread.tid, SIGKILL);
  world.release(thread.tid, signal);
}

// While its last thread is in its exit stop, a program that ends by itself still has its children.
void Session::on_exit(World& world, Thread& thread) {
  record_exit(thread);
  const bool own = !thread.foreign && !thread.copy;
  if (own && forked_ && !plan_.has(wire::kRun) && phase_ != Phase::Leaving && world.at_end()) {
    family_ = control_.end_children();
  }
  resume(world, thread, false);
}

void Session::record_exit(Thread& thread) {
  if (thread.foreign || phase_ != Phase::Running) return;
  wire::WireRecord& record = this->record(wire::Kind::Thread, thread);
  record.a = thread.tid;
  record.b = 1;
}

}  // namespace premain
