// A tracer thread and its way into the event loop.
//
// It serves one session after another, and leaves when for some time none has come: a thread of its own costs a session
// as much as several stops.
#pragma once

#include <pthread.h>
#include <sched.h>
#include <sys/types.h>

#include <array>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>

#include "host.h"

namespace premain {

class TracerThread : public std::enable_shared_from_this<TracerThread> {
 public:
  // What comes into the event loop, the thread's address as its context.
  struct Message {
    std::shared_ptr<Host> host;  // none: the thread has left
    Bytes records;
    bool last;  // the session has ended
  };

  // `receive` gets every Message, which it owns.
  TracerThread(napi_env env, napi_threadsafe_function_call_js receive);

  // JavaScript's thread: starts it with its first session. Where no thread can be had, the session ends at once and says
  // so.
  void start(std::shared_ptr<Host> host);
  // Serves this session next, as the idle thread that it is; false where it is leaving, or the target would inherit from it
  // another priority, other cores or other rights than the calling thread has.
  bool take(std::shared_ptr<Host> host);
  // A session is about to come: a child is made for it, on the same conditions.
  void expect();
  // It is to leave after the session that it serves.
  void leave();
  // Waits for it to have left, at most that long; a thread stuck in the kernel is left to itself.
  void join(std::chrono::milliseconds limit);

  napi_threadsafe_function to_js() const { return to_js_; }
  // Any thread. A message to an environment that is going away is dropped.
  void send(Message message);

 private:
  // What a child inherits from the thread that makes it.
  struct Inherited {
    int priority;
    cpu_set_t cores;
    // Who has given up rights has taken them from the threads, not from a child that waits.
    std::array<uid_t, 3> users;
    std::array<gid_t, 3> groups;
    bool operator==(const Inherited& other) const;
  };
  static Inherited inherited();

  bool call(std::shared_ptr<Host> host);
  void run();
  bool await_call();
  std::shared_ptr<Host> next(const Placement& placement);
  void keep_off_this_core();

  napi_threadsafe_function to_js_ = nullptr;
  pthread_t thread_{};
  bool joinable_ = false;
  Inherited inherited_{};
  std::mutex mutex_;
  std::condition_variable changed_;
  std::shared_ptr<Host> next_;
  bool called_ = false;
  std::atomic<bool> look_ = false;  // `next_` is there, or the thread is to leave
  bool leaving_ = false;
  bool left_ = false;
};

}  // namespace premain
