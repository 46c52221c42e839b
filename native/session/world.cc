#include "world.h"

#include <csignal>

namespace premain {

namespace {

bool ended(const WaitStatus& status) {
  return std::holds_alternative<Exited>(status) || std::holds_alternative<Killed>(status);
}

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

void World::keep_only(pid_t tid) {
  for (auto at = threads_.begin(); at != threads_.end();) {
    at = at->first == tid || at->second.foreign || at->second.copy ? std::next(at) : threads_.erase(at);
  }
}

size_t World::count() const {
  size_t n = 0;
  for (const auto& [tid, thread] : threads_) n += !thread.foreign && !thread.copy;
  return n;
}

Thread* World::next_pending() {
  for (auto& [tid, thread] : threads_) {
    if (thread.stopped && thread.pending) return &thread;
  }
  return nullptr;
}

Thread* World::note(const WaitEvent& event) {
  if (ended(event.status)) {
    if (event.tid == leader_) ending_ = event.status;
    remove(event.tid);
    return nullptr;
  }
  Thread& thread = add(event.tid);
  thread.stopped = StoppedTracee(event.tid);
  thread.group_stopped = std::holds_alternative<GroupStop>(event.status);
  if (std::holds_alternative<ExitStop>(event.status)) thread.exiting = true;
  if (std::holds_alternative<VforkDone>(event.status)) thread.in_vfork = false;
  thread.pending = event.status;
  thread.at_ns = event.at_ns;
  thread.faults = event.faults;
  thread.switched = event.switches - std::exchange(thread.switches, event.switches);
  return &thread;
}

bool World::all_stopped() const {
  for (const auto& [tid, thread] : threads_) {
    if (stoppable(thread)) return false;
  }
  return true;
}

void World::stop_all() {
  for (auto& [tid, thread] : threads_) {
    if (stoppable(thread)) (void)interrupt(tid);
  }
  while (!all_stopped()) {
    Result<WaitEvent> event = wait_any();
    if (!event) return;
    Thread* thread = note(*event);
    if (thread == nullptr) continue;
    // The answer to our interrupt, or a job-control stop that `resume` keeps up: nothing to handle.
    const bool birth = !thread->claimed;
    if (!birth && (std::holds_alternative<TrapStop>(event->status) || thread->group_stopped)) thread->pending.reset();
    // The newborn starts with a stop of its own, which has to be waited for.
    if (std::holds_alternative<BirthStop>(event->status)) {
      if (Result<unsigned long> child = thread->stopped->event_message()) add(static_cast<pid_t>(*child));
    }
  }
}

void World::resume_all(Resume how) {
  for (auto& [tid, thread] : threads_) {
    if (thread.stopped && !thread.pending) resume(thread, how, false);
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

bool World::step(Thread& thread) {
  const pid_t tid = thread.tid;
  for (;;) {
    if (!thread.stopped) return false;
    StoppedTracee tracee = std::move(*thread.stopped);
    thread.stopped.reset();
    (void)std::move(tracee).resume(Resume::Step, 0);
    Result<WaitEvent> event = wait_for(tid);
    if (!event) return false;
    if (note(*event) == nullptr) return false;
    thread.pending.reset();
    const auto* signal = std::get_if<SignalStop>(&event->status);
    if (signal != nullptr && signal->signal == SIGTRAP) return true;
    if (thread.exiting) return false;
    if (signal != nullptr) thread.signal = signal->signal;  // delivered once the step is done
  }
}

}  // namespace premain
