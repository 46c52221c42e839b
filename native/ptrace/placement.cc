#include "placement.h"

namespace premain {

Placement::Placement() {
  CPU_ZERO(&full_);
  if (sched_getaffinity(0, sizeof full_, &full_) == -1 || CPU_COUNT(&full_) < 2) return;
  const int here = sched_getcpu();
  if (here < 0 || here >= CPU_SETSIZE) return;
  CPU_ZERO(&one_);
  CPU_SET(here, &one_);
  if (sched_setaffinity(0, sizeof one_, &one_) == 0) core_ = here;
}

Placement::~Placement() {
  if (core_ >= 0) sched_setaffinity(0, sizeof full_, &full_);
}

void Placement::widen(pid_t tid) const {
  if (core_ >= 0) sched_setaffinity(tid, sizeof full_, &full_);
}

void Placement::confine(pid_t tid) const {
  if (core_ >= 0) sched_setaffinity(tid, sizeof one_, &one_);
}

void Placement::inherit(pid_t parent, pid_t child) const {
  cpu_set_t theirs, own;
  if (core_ < 0 || sched_getaffinity(parent, sizeof theirs, &theirs) == -1) return;
  if (sched_getaffinity(child, sizeof own, &own) == -1 || CPU_EQUAL(&own, &theirs)) return;
  sched_setaffinity(child, sizeof theirs, &theirs);
}

bool Placement::narrow(pid_t tid, cpu_set_t& own) const {
  if (core_ < 0 || sched_getaffinity(tid, sizeof own, &own) == -1) return false;
  if (!CPU_ISSET(core_, &own) || CPU_COUNT(&own) < 2) return false;
  return sched_setaffinity(tid, sizeof one_, &one_) == 0;
}

void Placement::restore(pid_t tid, const cpu_set_t& own) const { sched_setaffinity(tid, sizeof own, &own); }

void Placement::give_back(pid_t tid, const cpu_set_t& own) const {
  cpu_set_t now;
  if (sched_getaffinity(tid, sizeof now, &now) == 0 && CPU_EQUAL(&now, &one_)) restore(tid, own);
}

}  // namespace premain
