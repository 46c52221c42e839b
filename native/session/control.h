// The mailbox between JavaScript's thread and the tracer thread, and the one place that knows whether the target may
// still be signalled.
//
// Only the tracer thread may issue ptrace requests. It sleeps either here, while it holds the target, or in waitpid: then
// a command wakes it by a SIGSTOP with a cookie, queued to the target, which the tracer recognises and swallows.
#pragma once

#include <sys/types.h>

#include <atomic>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "../ptrace/fd.h"
#include "../ptrace/tracee.h"

namespace premain {

struct Command {
  enum class Type {
    Resume,   // let the held target go on
    Pause,    // stop every thread, report their states and hold
    End,      // kill the target and its direct children
    Detach,   // set the target free
    AddSites  // arm more sites; `plan` is a plan whose sites follow the ones known
  } type;
  std::vector<uint8_t> plan;
};

struct Descendant {
  pid_t pid;
  pid_t parent;
  std::string executable;
  bool killed;
};

class Control {
 public:
  // JavaScript's thread.
  void post(Command command);
  // Kills the target and its direct children without the tracer's help; the tracer only reaps.
  void kill_now();
  bool held() const;

  // The tracer thread.
  void target_started(pid_t pid);
  // The target is gone, or this process has no business with it any more.
  void target_gone();
  // Waits for a command while the target is held; `awake`: most consumers are quick, and for them it is there without a sleep.
  Command wait_command(bool awake);
  void set_held(bool held);
  // While the target is in a job-control stop no signal but SIGKILL and SIGCONT gets to it: commands are only queued, and
  // the tracer looks for them.
  void set_listening(bool listening);
  // Waits a little for a command.
  void await_command();
  // A command that has come in while the target ran, if any.
  std::optional<Command> take();
  bool is_wake(const SignalInfo& info) const { return info.value == this; }
  void wake_seen();
  // Wake-ups may be sent from here on. Before, the child stops itself by the same signal, and of two only one would come.
  void open_wakes();
  // No wake-up may be sent from here on; true when one is still under way.
  bool close_wakes();
  // Kills the target; `with_children`, its direct children too, and says whom it met.
  std::vector<Descendant> end_target(bool with_children);
  // Kills the direct children of a target that ends by itself, and says whom it met.
  std::vector<Descendant> end_children();
  bool killed_by_us() const;

 private:
  void send_wake();
  // With the lock held: the first command, of which there is one.
  Command pop();
  std::vector<Descendant> end_family(bool with_target, bool with_children);

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Command> commands_;
  std::atomic<bool> commanded_ = false;  // `commands_` has something, for who looks without the lock
  pid_t pid_ = 0;
  Fd pidfd_;
  bool held_ = false;
  bool listening_ = false;
  bool wake_pending_ = false;
  bool wakes_closed_ = true;
  bool killed_ = false;
};

}  // namespace premain
