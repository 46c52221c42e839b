// The sessions of one environment (the main thread or a worker), ended with it.
#pragma once

#include <map>
#include <memory>
#include <vector>

#include "tracer_thread.h"

namespace premain {

// All of it belongs to JavaScript's thread.
class Sessions {
 public:
  explicit Sessions(napi_env env);
  // Begins a session. It is kept until it has ended; false where the environment is already going away.
  bool start(napi_env env, const std::shared_ptr<Host>& host);
  // A session is about to begin: an idle thread makes its child. Another one that begins first takes it.
  void expect();
  // A pipe's end is closed with the environment unless it is released first. Its next owner in JavaScript takes it before
  // that: a worker may be terminated between the two, and then either of them closes it.
  void keep(int fd);
  void release(int fd) { ends_.erase(fd); }

 private:
  static void receive(napi_env env, napi_value, void* thread, void* message);
  static void clean_up(napi_async_cleanup_hook_handle handle, void* self);
  void ended(napi_env env, Host& host, TracerThread& thread);
  void left(TracerThread& thread);

  std::vector<std::shared_ptr<Host>> hosts_;
  std::vector<std::shared_ptr<TracerThread>> threads_;
  std::vector<TracerThread*> idle_;
  std::map<int, ino_t> ends_;  // each with its pipe: another thread may have the number by the time it is closed
};

}  // namespace premain
