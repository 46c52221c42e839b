#include "host.h"

#include <algorithm>
#include <csignal>

namespace premain {

namespace {

constexpr auto kJoinLimit = std::chrono::seconds(5);

// Every ptrace-stop raises SIGCHLD in the tracer's process. Where libuv has its handler installed (once child_process was
// used), each would wake the event loop on another core, at twice the cost of the stop itself. libuv looks at exits only.
void quiet_stops() {
  struct sigaction action;
  if (sigaction(SIGCHLD, nullptr, &action) == -1 || (action.sa_flags & SA_NOCLDSTOP) != 0) return;
  if ((action.sa_flags & SA_SIGINFO) == 0 && (action.sa_handler == SIG_DFL || action.sa_handler == SIG_IGN)) return;
  action.sa_flags |= SA_NOCLDSTOP;
  sigaction(SIGCHLD, &action, nullptr);
}

}  // namespace

Host::Host(Napi::Env env, Napi::Function callback, LaunchSpec spec, Plan plan, std::vector<Fd> handed_over)
    : session_(std::move(spec), std::move(plan), std::move(handed_over), *this),
      to_js_(Napi::ThreadSafeFunction::New(env, callback, "premain", 0, 1)) {}

void Host::start() {
  quiet_stops();
  thread_ = std::thread([self = shared_from_this()] { self->thread_main(); });
}

// Nothing may touch the environment after the last call: at its teardown the call fails and the function is gone.
void Host::thread_main() {
  session_.run();
  {
    const std::lock_guard lock(mutex_);
    has_ended_ = true;
  }
  ended_.notify_all();
  auto last = [self = shared_from_this()](Napi::Env env, Napi::Function callback) {
    self->join(kJoinLimit);
    if (env != nullptr) env.GetInstanceData<Sessions>()->remove(self.get());
    if (env != nullptr && callback) callback.Call({env.Null()});
  };
  if (to_js_.BlockingCall(last) == napi_ok) to_js_.Release();
}

void Host::deliver(Bytes records) {
  auto* batch = new Bytes(std::move(records));
  auto hand_over = [](Napi::Env env, Napi::Function callback, Bytes* bytes) {
    const std::unique_ptr<Bytes> owned(bytes);
    if (env != nullptr && callback) callback.Call({Napi::Buffer<uint8_t>::Copy(env, owned->data(), owned->size())});
  };
  if (to_js_.BlockingCall(batch, hand_over) != napi_ok) delete batch;
}

void Host::join(std::chrono::milliseconds limit) {
  if (!thread_.joinable()) return;
  std::unique_lock lock(mutex_);
  const bool done = ended_.wait_for(lock, limit, [this] { return has_ended_; });
  lock.unlock();
  if (done) {
    thread_.join();
  } else {
    thread_.detach();
  }
}

bool Host::finished() const {
  const std::lock_guard lock(mutex_);
  return has_ended_;
}

Sessions::Sessions(napi_env env) { napi_add_async_cleanup_hook(env, clean_up, this, nullptr); }

void Sessions::remove(const Host* host) {
  std::erase_if(hosts_, [host](const std::shared_ptr<Host>& one) { return one.get() == host; });
}

// The environment ends (a worker is terminated, or the process): kill all first, then wait for each tracer to reap.
void Sessions::clean_up(napi_async_cleanup_hook_handle handle, void* self) {
  auto* sessions = static_cast<Sessions*>(self);
  for (const auto& host : sessions->hosts_) host->session().control().kill_now();
  for (const auto& host : sessions->hosts_) host->join(kJoinLimit);
  sessions->hosts_.clear();
  napi_remove_async_cleanup_hook(handle);
}

}  // namespace premain
