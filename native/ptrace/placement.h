// Keeps target and tracer on one core: across cores each stop is two wake-ups of an idle core.
//
// The tracer thread is pinned for its lifetime. A target's thread is narrowed to that core only for the moment of its
// resume, so that it is queued there, and has its own mask back before it can run (unless the scheduler preempts the
// tracer just then; a thread or child born in that window gets its true mask at its birth stop).
#pragma once

#include <sched.h>
#include <sys/types.h>

namespace premain {

class Placement {
 public:
  // Pins the calling thread to the core it runs on and remembers the mask that the target is to have.
  Placement();
  // Gives the calling thread its former mask back.
  ~Placement();
  Placement(const Placement&) = delete;
  Placement& operator=(const Placement&) = delete;

  int core() const { return core_; }
  // Gives a freshly executed target the mask it is to have.
  void widen(pid_t tid) const;
  // Keeps a thread that is to die on the tracer's core.
  void confine(pid_t tid) const;
  // Gives a newborn the mask of the thread that made it, which may have been narrowed at that moment.
  void inherit(pid_t parent, pid_t child) const;
  // Narrows a thread to the tracer's core; true when `restore`, or `give_back`, is owed.
  bool narrow(pid_t tid, cpu_set_t& own) const;
  void restore(pid_t tid, const cpu_set_t& own) const;
  // The same for one that was not stopped at once: it, or another thread, may have changed the mask since, and has the say.
  void give_back(pid_t tid, const cpu_set_t& own) const;

 private:
  cpu_set_t full_;
  cpu_set_t one_;
  int core_ = -1;
};

}  // namespace premain
