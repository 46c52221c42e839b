// The threads of one target: which are stopped, what they stopped with, and how to stop and resume them all.
// Belongs to the tracer thread.
#pragma once

#include <unordered_map>

#include "../ptrace/placement.h"
#include "../ptrace/proc.h"
#include "../ptrace/tracee.h"

namespace premain {

struct Thread {
  pid_t tid = 0;
  std::optional<StoppedTracee> stopped;
  // What it stopped with, while that is still to be handled.
  std::optional<WaitStatus> pending;
  // When its last stop was reported, and the faults until then.
  uint64_t at_ns = 0;
  Faults faults;
  // Context switches until then, and since its resume: more than the one of the stop itself mean that it slept or was
  // preempted, and may have come back on another core.
  uint64_t switches = 0;
  uint64_t switched = 0;
  uint64_t turns = 0;  // on a core, by its clock
  // Its own mask, while `gather` has it narrowed.
  std::optional<cpu_set_t> own;
  // It was resumed on the tracer's core.
  bool placed = false;
  // Opened once the process has more than one thread.
  ThreadClock clock;
  // To be delivered when it is resumed.
  int signal = 0;
  // Its birth was reported by the thread that made it.
  bool claimed = false;
  // Blocked in the kernel until its vfork child execs or ends: it runs no code and cannot be stopped.
  bool in_vfork = false;
  // A child process that shares the target's memory, traced until it execs or ends.
  bool foreign = false;
  // A forked process with a copy of the target's memory, let go at its first stop.
  bool copy = false;
  // In a job-control stop: stays stopped when "resumed".
  bool group_stopped = false;
  // Past PTRACE_EVENT_EXIT: no further stop is to come.
  bool exiting = false;
};

class World {
 public:
  World(const Placement& placement, pid_t leader) : placement_(placement), leader_(leader) {
    add(leader).claimed = true;
  }

  Thread& add(pid_t tid);
  Thread* find(pid_t tid);
  // Lets go of one stopped thread and forgets it. One that was killed in its stop stays, to be reaped.
  void release(pid_t tid, int signal);
  // Lets go of every stopped thread: the first may end the process before the last one's turn.
  void detach_all();
  // Threads of the target itself.
  size_t count() const;
  // Every thread of the target itself is in its exit stop or past it.
  bool at_end() const;
  bool empty() const { return threads_.empty(); }
  // A thread stays in a job-control stop, as `resume` has left it.
  bool listening() const;
  // A thread is in a job-control stop, held by the tracer or not.
  bool in_job_stop() const;
  // A stopped thread with something to handle, or null.
  Thread* next_pending();
  template <class Visit>
  void each(Visit visit) {
    for (auto& [tid, thread] : threads_) visit(thread);
  }

  // Notes one wait event. Null when the thread is gone.
  Thread* note(const WaitEvent& event);
  // How the process ended, once its leader was reaped.
  const std::optional<WaitStatus>& ending() const { return ending_; }

  // Stops every thread that runs; what each stopped with is kept as pending. Those at their end are let go.
  void stop_all();
  // The same, each stopping on the tracer's core: where it was, it might queue behind JavaScript. One that runs is narrowed
  // once it is asked to stop: by then it runs no more code that could look at its mask, change it or pass it on, but in a call
  // that has begun.
  void gather();
  // One of those, as it was in its exit stop.
  std::optional<Thread> take_exit();
  // Resumes every stopped thread that has nothing pending; not a newborn whose maker has not reported it: it may be a child
  // process, and is treated as a thread until then.
  void resume_all(Resume how);
  // Resumes one; `here` asks for the tracer's own core.
  void resume(Thread& thread, Resume how, bool here);
  // Runs one instruction of a stopped thread while all others are stopped; false when the thread has ended or ends, or
  // stops for a signal first, which is kept as pending.
  bool step(pid_t tid);

 private:
  // Asks every thread that runs to stop, and waits until all have.
  template <class Ask>
  void stop_each(Ask ask);
  bool all_stopped() const;
  // Lets a thread go that is in its exit stop: another one that executes cannot be stopped before it is gone.
  void let_die(Thread& thread);
  void remove(pid_t tid) { threads_.erase(tid); }
  // At an exec every other thread of the process vanishes, and the one that made it goes on as the leader.
  // `own`: of that one.
  void forget_threads(std::optional<cpu_set_t> own);
  // What is left when the process has ended, or has lost the thread that was to report a birth, are processes of their own.
  void orphan(Thread& thread);

  const Placement& placement_;
  const pid_t leader_;
  std::optional<WaitStatus> ending_;
  std::unordered_map<pid_t, Thread> threads_;
  std::vector<Thread> exits_;
};

}  // namespace premain
