#include "session.h"

#include <signal.h>

#include <algorithm>

#include "../ptrace/knobs.h"

namespace premain {

namespace {

// JavaScript reads what it has while the target runs on, on a core that is idle meanwhile. Often, so that little is left when
// the target is let go or ended; not more often, since waking the event loop costs the tracer 10 µs. The longer the run, the
// more may be left: it stays little beside it.
constexpr int64_t kShortestTurn = 800'000;  // ns
constexpr int64_t kLongestTurn = 2'000'000;
constexpr int64_t kPartOfRun = 8;
constexpr size_t kLargestBatch = 24 * 1024;
constexpr size_t kLargestReserve = 2 << 20;

size_t expected_size(const Plan& plan) {
  size_t bytes = 64 * 1024;
  for (const wire::WireSite& site : plan.sites) {
    bytes += 512 + plan.header.stack_bytes + ((site.flags & wire::kMaps) != 0 ? 8192 : 0);
  }
  return std::min(bytes, kLargestReserve);
}

}  // namespace

Session::Session(LaunchSpec spec, Plan plan, std::vector<Fd> handed_over, Sink& sink)
    : spec_(std::move(spec)), plan_(std::move(plan)), handed_over_(std::move(handed_over)), sink_(sink) {}

void Session::run(const Placement& placement, Launcher& launcher) {
  placement_ = &placement;
  Result<pid_t> started = launcher.start(spec_);
  if (!started) return refuse(started.failure());
  pid_ = *started;
  recorder_.reserve(expected_size(plan_));
  breakpoints_.reserve(plan_.sites.size());
  knobs::reached(knobs::Point::Launched, pid_);
  control_.target_started(pid_);
  World world(placement, pid_);
  trace(world);
  handed_over_.clear();
  record_end(world, launcher);
  control_.target_gone();
  close_address_space();
  flush(true);
}

void Session::refuse(Failure failure) {
  handed_over_.clear();
  record_end(wire::End::LaunchFailed, -failure.error, failure.syscall);
  flush(true);
}

// To the last of them: also one that was set free is still our child, and a newborn may come after its maker's end.
void Session::trace(World& world) {
  for (;;) {
    while (std::optional<Thread> gone = world.take_exit()) record_exit(*gone);
    Thread* thread = world.next_pending();
    if (thread == nullptr && world.listening()) {
      thread = look_around(world);
    } else if (thread == nullptr) {
      Result<WaitEvent> event = wait_any();
      if (!event) return;
      thread = world.note(*event);
    }
    if (thread != nullptr) dispatch(world, *thread);
  }
}

Thread* Session::look_around(World& world) {
  control_.set_listening(true);
  std::optional<Result<WaitEvent>> event = poll_any();
  if (!event) control_.await_command();
  control_.set_listening(false);
  if (!event) {
    serve_commands(world);
    return nullptr;
  }
  if (!*event) return nullptr;
  // SIGCONT has ended the stop, and with it the kernel has dropped every stop signal that was under way.
  if (std::holds_alternative<TrapStop>((*event)->status)) control_.wake_seen();
  return world.note(**event);
}

void Session::dispatch(World& world, Thread& thread) {
  const WaitStatus status = *thread.pending;
  thread.pending.reset();
  knobs::reached(knobs::Point::Stopped, thread.tid);
  if (phase_ == Phase::Ending) {
    if (thread.foreign || thread.copy || !thread.claimed) kill(thread.tid, SIGKILL);
    return world.resume(thread, Resume::Continue, false);
  }
  if (thread.copy && !std::holds_alternative<ExecStop>(status)) return adopt_copy(world, thread, status);
  std::visit(visitor{
                 [&](const Exited&) {},  // note() keeps these from coming here
                 [&](const Killed&) {},
                 [&](const SignalStop& stop) { on_signal(world, thread, stop.signal); },
                 [&](const GroupStop&) { resume(world, thread); },
                 [&](const TrapStop&) { on_trap_stop(world, thread); },
                 [&](const SyscallStop&) { on_syscall(world, thread); },
                 [&](const ExecStop&) { on_exec(world, thread); },
                 [&](const BirthStop& stop) { on_birth(world, thread, stop.how); },
                 [&](const VforkDone&) { resume(world, thread); },
                 [&](const ExitStop&) { on_exit(world, thread); },
                 [&](const OtherStop&) { resume(world, thread); },
             },
             status);
}

void Session::resume(World& world, Thread& thread, bool here) {
  held_until_now();
  if (due()) flush();
  world.resume(thread, how(), here);
}

// Whether it is time that JavaScript had what there is.
bool Session::due() const {
  const auto run = static_cast<int64_t>(told_ns_ - zero_ns_);
  const auto since = static_cast<int64_t>(report_ns_ - told_ns_);
  return recorder_.size() > kLargestBatch || since > std::clamp(run / kPartOfRun, kShortestTurn, kLongestTurn);
}

// A wake-up came: do what was asked for.
void Session::serve_commands(World& world) {
  while (std::optional<Command> command = control_.take()) serve(world, std::move(*command));
}

void Session::serve(World& world, Command command) {
  if (phase_ == Phase::Ending || (phase_ == Phase::Leaving && command.type != Command::Type::End)) return;
  switch (command.type) {
    case Command::Type::Resume:
      return;
    case Command::Type::Pause:
      return pause(world);
    case Command::Type::End:
      return end(world);
    case Command::Type::Detach:
      // The launched child is not yet the program: its own stop, and its place on one core, are still ours to undo.
      if (phase_ < Phase::AfterExec) {
        free_at_exec_ = true;
        return;
      }
      return let_go(world);
    case Command::Type::AddSites:
      add_sites(command.plan);
      if (refused_) end(world);
      return;
  }
}

// Reports what has been seen and waits until JavaScript lets the target go on. Every thread is stopped, or, where only
// an unplanned exec is to be decided on, the one that is left.
void Session::hold(World& world) {
  recorder_.header().flags |= wire::kHeld;
  knobs::reached(knobs::Point::Held);
  control_.set_held(true);  // before JavaScript hears of the stop: it may look at once
  flush();
  for (;;) {
    // With a single core it would keep JavaScript from it.
    Command command = control_.wait_command(placement_->core() >= 0);
    if (command.type == Command::Type::Resume) break;
    if (command.type != Command::Type::AddSites) control_.set_held(false);
    serve(world, std::move(command));
    if (phase_ == Phase::Ending || phase_ == Phase::Leaving) return;
  }
  control_.set_held(false);
  held_until_now();
}

// The states of all threads, for the question why the target does not go on; then holds.
void Session::pause(World& world) {
  if (control_.held()) return;
  world.stop_all();
  record(wire::Kind::State);
  const uint64_t stopped_ns = report_ns_;
  world.each([this, stopped_ns](Thread& thread) {
    if (!thread.stopped || !thread.claimed || thread.foreign || thread.copy) return;
    Result<arch::Registers> registers = thread.stopped->registers();
    if (!registers) return;
    thread.at_ns = stopped_ns;  // one moment for all, by which time they had stopped
    record(wire::Kind::State, thread).address = arch::pc(*registers);
    recorder_.registers(*registers);
    recorder_.section(wire::Section::Stack, [&](Bytes& out) {
      const size_t at = out.size();
      out.resize(at + 16384);
      out.resize(at + memory_.read(arch::sp(*registers), out.data() + at, 16384));
    });
  });
  hold(world);
  if (phase_ != Phase::Ending && phase_ != Phase::Leaving) world.resume_all(how());
}

void Session::end(World& world) {
  if (phase_ == Phase::Ending) return;
  threads_at_end_ = world.count();
  held_until_now();
  phase_ = Phase::Ending;
  knobs::reached(knobs::Point::Ending);
  // JavaScript takes in what there is while they die here: on its core they would queue behind it.
  world.each([this](Thread& thread) { placement_->confine(thread.tid); });
  flush();
  family_ = control_.end_target(forked_);
  // A child that was born in between, or whose maker is gone: nobody else would end it.
  world.each([](Thread& thread) {
    if (thread.foreign || thread.copy || !thread.claimed) kill(thread.tid, SIGKILL);
  });
}

// Sets the target free: bytes restored, every thread detached while it is stopped and owes nothing.
void Session::let_go(World& world) {
  threads_at_end_ = world.count();
  phase_ = Phase::Leaving;
  flush();  // what JavaScript makes of it, it makes before the target is free
  world.gather();
  breakpoints_.restore_all(memory_);
  held_until_now();
  bool busy = true;
  while (busy && phase_ == Phase::Leaving && !world.empty()) {
    // A thread may stand on a trap that was just taken out, hold a signal or a newborn, or wait for its vfork child; and
    // a wake-up of ours under way would stop the freed target for ever.
    // In a job-control stop it can do no harm: the SIGCONT that ends the one drops the other.
    busy = control_.close_wakes() && !world.in_job_stop();
    world.each([&](Thread& thread) {
      busy |= thread.pending.has_value() || thread.in_vfork || (thread.stopped && thread.stopped->owes_trap());
    });
    if (!busy) break;
    if (Thread* thread = world.next_pending()) {
      dispatch(world, *thread);
    } else {
      world.resume_all(Resume::Continue);
      Result<WaitEvent> event = wait_any();
      if (!event) break;
      if (Thread* thread = world.note(*event)) dispatch(world, *thread);
    }
    if (phase_ == Phase::Leaving) world.stop_all();
  }
  if (phase_ != Phase::Leaving) return;
  knobs::reached(knobs::Point::Detaching);
  world.detach_all();
  record(wire::Kind::Detached);
  held_until_now();
  if (plan_.has(wire::kAllStop)) flush();
}

void Session::flush(bool last) {
  if (!last && recorder_.size() == 0) return;
  told_ns_ = report_ns_;
  sink_.deliver(recorder_.take(), last);
}

int64_t Session::read_memory(uint64_t address, void* out, size_t length) {
  if (!control_.held()) return -1;
  const std::lock_guard lock(space_mutex_);
  return static_cast<int64_t>(read_original(address, out, length));
}

bool Session::read_maps(Bytes& out) {
  if (!control_.held()) return false;
  const std::lock_guard lock(space_mutex_);
  maps_.append(out);
  return true;
}

}  // namespace premain
