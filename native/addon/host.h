// One session as JavaScript owns it: the tracer thread, its way back into the event loop, and its end.
#pragma once

#include <napi.h>

#include <pthread.h>
#include <sys/types.h>

#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>

#include "../session/session.h"

namespace premain {

class Host final : public Sink, public std::enable_shared_from_this<Host> {
 public:
  Host(Napi::Env env, Napi::Function callback, LaunchSpec spec, Plan plan, std::vector<Fd> handed_over);

  // Starts the tracer thread. It keeps the host alive until it has reaped the target. Where no thread can be had, the
  // session ends at once and says so.
  void start();
  Session& session() { return session_; }
  // Keeps the event loop alive while something is to come, or not.
  void ref(napi_env env) { napi_ref_threadsafe_function(env, to_js_); }
  void unref(napi_env env) { napi_unref_threadsafe_function(env, to_js_); }

  // Waits for the tracer thread, at most that long; a thread stuck in the kernel is left to itself.
  void join(std::chrono::milliseconds limit);
  bool finished() const;

  void deliver(Bytes records) override;

 private:
  struct Message {
    std::shared_ptr<Host> host;
    std::optional<Bytes> records;  // nothing: the session has ended
  };

  // Reports the end; nothing of the environment may be touched afterwards.
  void finish();
  bool send(Message* message);
  static void receive(napi_env env, napi_value callback, void* context, void* data);

  Session session_;
  napi_threadsafe_function to_js_ = nullptr;
  pthread_t thread_{};
  bool joinable_ = false;
  mutable std::mutex mutex_;
  std::condition_variable ended_;
  bool has_ended_ = false;
};

// The sessions of one environment (the main thread or a worker), ended with it.
class Sessions {
 public:
  explicit Sessions(napi_env env);
  void add(std::shared_ptr<Host> host) { hosts_.push_back(std::move(host)); }
  void remove(const Host* host);
  // A pipe's end is closed with the environment unless it is released first. Its next owner in JavaScript takes it before
  // that: a worker may be terminated between the two, and then either of them closes it.
  void keep(int fd);
  void release(int fd) { ends_.erase(fd); }

 private:
  static void clean_up(napi_async_cleanup_hook_handle handle, void* self);

  std::vector<std::shared_ptr<Host>> hosts_;
  std::map<int, ino_t> ends_;  // each with its pipe: another thread may have the number by the time it is closed
};

}  // namespace premain
