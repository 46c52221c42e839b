// One session as JavaScript owns it.
#pragma once

#include <napi.h>

#include <memory>

#include "../session/session.h"

namespace premain {

class TracerThread;

class Host final : public Sink, public std::enable_shared_from_this<Host> {
 public:
  // `callback` is called with every batch of records, and whether it is the last: null where there was no memory for that
  // one. Takes the reference over.
  Host(napi_ref callback, LaunchSpec spec, Plan plan, std::vector<Fd> handed_over)
      : session_(std::move(spec), std::move(plan), std::move(handed_over), *this), callback_(callback) {}

  Session& session() { return session_; }
  void deliver(Bytes records, bool last) override;

  // The rest is for JavaScript's thread.

  // Who serves the session; nobody where it could not begin, or once it has ended.
  void serve_on(TracerThread* thread) { thread_ = thread; }
  bool served() const { return thread_ != nullptr; }
  // Keeps the event loop alive while something is to come, or not.
  void ref(napi_env env);
  void unref(napi_env env);
  void call(napi_env env, napi_value batch, bool last);
  // Nothing is to come, or nobody listens any more.
  void drop_callback(napi_env env);

 private:
  Session session_;
  TracerThread* thread_ = nullptr;
  napi_ref callback_;
};

}  // namespace premain
