// A session of test/native/target as a test runs it: on a thread of its own, answered where it holds the target, with
// hooks at the tracer's points.
#pragma once

#include <sys/types.h>

#include <functional>
#include <string>
#include <vector>

#include "ptrace/knobs.h"
#include "session/session.h"

namespace premain {

// A plan with three sites: `once`, `refused` (never by the right caller) and `last`.
Plan target_plan(uint32_t flags);

// Whether an event of this thread, or of any where `id` is -1, waits to be taken; the tracer thread's.
bool has_event(pid_t id);
// Waits until it has, for `limit_ms` at most.
bool await_event(pid_t id, int limit_ms);

// Runs a session to its end, the only one of the calling thread.
void run_here(Session& session);

class Traced final : public Sink, public knobs::Hooks {
 public:
  Traced(std::string what, uint32_t flags);
  ~Traced() override;

  // What to do at a point, on the tracer thread; the pid is that of the thread it is about, or 0.
  std::function<void(knobs::Point, pid_t)> at_point;
  std::function<pid_t()> whom_next;
  std::function<void()> at_delivery;

  // Runs the session to its end. What goes wrong with every session is reported here: a hang, no end or several, a
  // process or a child of the tracer that is left.
  void run();

  Control& control() { return session_.control(); }
  pid_t pid() const { return pid_; }
  // Its stops are nothing to the tracer any more.
  bool is_free() const { return is_free_; }
  // Lets the thread that waits on its standard input execute.
  void tell();
  const wire::WireRecord& end() const { return records_.back(); }
  const std::vector<wire::WireRecord>& records() const { return records_; }
  size_t count(wire::Kind kind) const;

  void deliver(Bytes records, bool last) override;
  void at(knobs::Point point, pid_t id) override;
  pid_t next() override { return whom_next ? whom_next() : -1; }

 private:
  LaunchSpec spec(std::string what);

  Fd input_[2];
  pid_t pid_ = 0;
  bool child_left_ = false;
  bool is_free_ = false;
  bool has_ended_ = false;
  std::vector<wire::WireRecord> records_;
  Session session_;
};

}  // namespace premain
