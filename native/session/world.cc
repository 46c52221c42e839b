#include "world.h"

#include <csignal>

#include "../ptrace/knobs.h"

namespace premain {

namespace {

// Running as far as the tracer is concerned: an interrupt would make it stop.
bool stoppable(const Thread& thread) { return !thread.stopped && !thread.in_vfork && !thread.exiting; }

}  // namespace

Thread& World::add(pid_t tid) {
  Thread& thread = threads_[tid];
  thread.tid = tid;
  return thread;
}

Thread* World::find(pid_t tid) {
  const auto at = threads_.find(tid);
  return at == threads_.end() ? nullptr : &at->second;
}

void World::forget_threads(std::optional<cpu_set_t> own) {
  std::erase_if(threads_, [this](const auto& entry) {
    const Thread& thread = entry.second;
    return thread.tid == leader_ || (!thread.foreign && !thread.copy && kill(thread.tid, 0) == -1);
  });
  for (auto& [tid, thread] : threads_) {
    if (!thread.foreign) orphan(thread);
  }
  Thread& leader = add(leader_);
  leader.claimed = true;
  leader.own = own;
}

void World::orphan(Thread& thread) {
  thread.claimed = true;
  thread.copy = true;
  thread.foreign = false;
  if (!thread.stopped) {
    (void)interrupt(thread.tid);
  } else if (!thread.pending) {
    thread.pending = TrapStop{};
  }
}

size_t World::count() const {
  size_t n = 0;
  for (const auto& [tid, thread] : threads_) n += !thread.foreign && !thread.copy;
  return n;
}

bool World::at_end() const {
  for (const auto& [tid, thread] : threads_) {
    if (!thread.foreign && !thread.copy && !thread.exiting) return false;
  }
  return true;
}

bool World::listening() const {
  for (const auto& [tid, thread] : threads_) {
    if (thread.group_stopped && !thread.stopped) return true;
  }
  return false;
}

bool World::in_job_stop() const {
  for (const auto& [tid, thread] : threads_) {
    if (thread.group_stopped) return true;
  }
  return false;
}

Thread* World::next_pending() {
  for (auto& [tid, thread] : threads_) {
    if (thread.stopped && thread.pending) return &thread;
  }
  return nullptr;
}

Thread* World::note(const WaitEvent& event) {
  if (has_ended(event.status)) {
    remove(event.tid);
    if (event.tid != leader_) return nullptr;
    ending_ = event.status;
    for (auto& [tid, thread] : threads_) orphan(thread);
    return nullptr;
  }
  StoppedTracee stopped(event.tid);
  if (event.tid == leader_ && std::holds_alternative<ExecStop>(event.status)) {
    Result<pid_t> former = stopped.former();
    const Thread* executed = former ? find(*former) : nullptr;
    forget_threads(executed == nullptr ? std::nullopt : executed->own);
  }
  Thread& thread = add(event.tid);
  if (ending_) thread.claimed = thread.copy = true;
  thread.stopped = std::move(stopped);
  thread.group_stopped = std::holds_alternative<GroupStop>(event.status);
  if (std::holds_alternative<ExitStop>(event.status)) thread.exiting = true;
  if (std::holds_alternative<VforkDone>(event.status)) thread.in_vfork = false;
  thread.pending = event.status;
  thread.at_ns = event.at_ns;
  thread.faults = event.faults;
  thread.switched = event.switches - std::exchange(thread.switches, event.switches);
  return &thread;
}

void World::release(pid_t tid, int signal) {
  Thread* thread = find(tid);
  if (thread == nullptr || !thread->stopped) return;
  StoppedTracee tracee = std::move(*thread->stopped);
  thread->stopped.reset();
  if (std::move(tracee).detach(signal)) remove(tid);
}

void World::detach_all() {
  for (auto at = threads_.begin(); at != threads_.end();) {
    const Thread& thread = (at++)->second;
    // Not narrowed to our core for the moment of waking: what it clones in that moment would inherit one core for good.
    release(thread.tid, thread.signal);
  }
}

bool World::all_stopped() const {
  for (const auto& [tid, thread] : threads_) {
    if (stoppable(thread)) return false;
  }
  return true;
}

void World::let_die(Thread& thread) {
  if (!thread.stopped || !thread.exiting || thread.foreign || thread.copy) return;
  Thread& gone = exits_.emplace_back();
  gone.tid = thread.tid;
  gone.at_ns = thread.at_ns;
  gone.faults = thread.faults;
  resume(thread, Resume::Continue, false);
}

std::optional<Thread> World::take_exit() {
  if (exits_.empty()) return std::nullopt;
  Thread gone = std::move(exits_.front());
  exits_.erase(exits_.begin());
  return gone;
}

template <class Ask>
void World::stop_each(Ask ask) {
  for (auto& [tid, thread] : threads_) {
    if (stoppable(thread)) ask(thread);
    let_die(thread);
  }
  knobs::reached(knobs::Point::Interrupted);
  while (!all_stopped()) {
    Result<WaitEvent> event = wait_any();
    if (!event) return;
    Thread* thread = note(*event);
    if (thread == nullptr) continue;
    let_die(*thread);
    // The answer to our interrupt, or a job-control stop that `resume` keeps up: nothing to handle.
    const bool birth = !thread->claimed || thread->copy;
    if (!birth && (std::holds_alternative<TrapStop>(event->status) || thread->group_stopped)) thread->pending.reset();
    // The newborn starts with a stop of its own, which has to be waited for.
    if (std::holds_alternative<BirthStop>(event->status)) {
      if (Result<pid_t> child = thread->stopped->newborn()) add(*child).own = thread->own;
    }
  }
}

void World::stop_all() {
  stop_each([](Thread& thread) { (void)interrupt(thread.tid); });
}

void World::gather() {
  stop_each([this](Thread& thread) {
    // One that sleeps wakes here to stop, not on a core where JavaScript is about to run.
    const bool asleep = is_asleep(thread.tid);
    cpu_set_t own;
    if (asleep && placement_.narrow(thread.tid, own)) thread.own = own;
    (void)interrupt(thread.tid);
    if (!asleep && placement_.narrow(thread.tid, own)) thread.own = own;
  });
  for (auto& [tid, thread] : threads_) {
    if (thread.own) placement_.give_back(tid, *thread.own);
    thread.own.reset();
  }
}

void World::resume_all(Resume how) {
  for (auto& [tid, thread] : threads_) {
    if (thread.stopped && thread.claimed && !thread.pending) resume(thread, how, false);
  }
}

void World::resume(Thread& thread, Resume how, bool here) {
  thread.pending.reset();
  if (!thread.stopped) return;
  StoppedTracee tracee = std::move(*thread.stopped);
  thread.stopped.reset();
  if (thread.group_stopped) {
    (void)std::move(tracee).listen();
    return;
  }
  cpu_set_t own;
  const pid_t tid = thread.tid;
  const bool narrowed = here && placement_.narrow(tid, own);
  // A failure means the thread was killed: its end is reported by the next wait.
  (void)std::move(tracee).resume(how, std::exchange(thread.signal, 0));
  if (narrowed) placement_.restore(tid, own);
  thread.placed = narrowed;
}

// Waits for all of the target, not for this thread alone: a leader that is killed is reported only once every other thread
// has been reaped.
bool World::step(pid_t tid) {
  for (;;) {
    Thread* thread = find(tid);
    // With something pending it is no longer in the stop that it was to step from.
    if (thread == nullptr || !thread->stopped || thread->pending) return false;
    knobs::reached(knobs::Point::Step, tid);
    StoppedTracee tracee = std::move(*thread->stopped);
    thread->stopped.reset();
    (void)std::move(tracee).resume(Resume::Step, 0);
    Result<WaitEvent> event = wait_any();
    while (event && event->tid != tid) {
      (void)note(*event);
      event = wait_any();
    }
    if (!event) return false;
    thread = note(*event);
    if (thread == nullptr || thread->exiting) return false;
    const auto* signal = std::get_if<SignalStop>(&event->status);
    if (signal != nullptr && signal->signal != SIGTRAP) return false;
    thread->pending.reset();
    if (signal != nullptr) return true;
  }
}

}  // namespace premain
