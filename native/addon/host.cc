#include "host.h"

#include <sys/stat.h>

#include <algorithm>
#include <csignal>
#include <optional>

namespace premain {

namespace {

constexpr auto kJoinLimit = std::chrono::seconds(5);

// Every ptrace-stop raises SIGCHLD in the tracer's process. The tracer thread has it blocked, so each would wake the event
// loop on another core, whether libuv has its handler installed or nobody has. libuv looks at exits only.
void quiet_stops() {
  struct sigaction action;
  if (sigaction(SIGCHLD, nullptr, &action) == -1 || (action.sa_flags & SA_NOCLDSTOP) != 0) return;
  action.sa_flags |= SA_NOCLDSTOP;
  sigaction(SIGCHLD, &action, nullptr);
}

// The pipe behind a descriptor: nothing where it is closed or something else. Both ends have the same number.
std::optional<ino_t> pipe_of(int fd) {
  struct stat seen;
  if (fstat(fd, &seen) == -1 || !S_ISFIFO(seen.st_mode)) return std::nullopt;
  return seen.st_ino;
}

}  // namespace

Host::Host(Napi::Env env, Napi::Function callback, LaunchSpec spec, Plan plan, std::vector<Fd> handed_over)
    : session_(std::move(spec), std::move(plan), std::move(handed_over), *this) {
  napi_create_threadsafe_function(env, callback, nullptr, Napi::String::New(env, "premain"), 0, 1, nullptr, nullptr,
                                  nullptr, receive, &to_js_);
}

void Host::start() {
  quiet_stops();
  auto* self = new std::shared_ptr<Host>(shared_from_this());
  // Not std::thread, which throws at a limit of threads or memory.
  const int error = pthread_create(
      &thread_, nullptr,
      [](void* argument) -> void* {
        const std::unique_ptr<std::shared_ptr<Host>> host(static_cast<std::shared_ptr<Host>*>(argument));
        (*host)->session_.run();
        (*host)->finish();
        return nullptr;
      },
      self);
  joinable_ = error == 0;
  if (joinable_) return;
  delete self;
  session_.refuse(Failure{error, "pthread_create"});
  finish();
}

// Nothing may touch the environment after the last call: at its teardown the call fails and the function is gone.
void Host::finish() {
  {
    const std::lock_guard lock(mutex_);
    has_ended_ = true;
  }
  ended_.notify_all();
  if (send(new Message{shared_from_this(), std::nullopt})) {
    napi_release_threadsafe_function(to_js_, napi_tsfn_release);
  }
}

void Host::deliver(Bytes records) { send(new Message{nullptr, std::move(records)}); }

// False when the environment is going away.
bool Host::send(Message* message) {
  if (napi_call_threadsafe_function(to_js_, message, napi_tsfn_blocking) == napi_ok) return true;
  delete message;
  return false;
}

// Node-API as it is, not by its C++ wrapper: in a worker that is being terminated every call may fail, and the wrapper
// would make a fatal error of that. `env` is null when the environment is gone.
void Host::receive(napi_env env, napi_value callback, void*, void* data) {
  const std::unique_ptr<Message> message(static_cast<Message*>(data));
  if (message->host) {
    message->host->join(kJoinLimit);
    void* sessions = nullptr;
    if (env != nullptr && napi_get_instance_data(env, &sessions) == napi_ok && sessions != nullptr) {
      static_cast<Sessions*>(sessions)->remove(message->host.get());
    }
  }
  if (env == nullptr || callback == nullptr) return;
  napi_value argument = nullptr;
  napi_value receiver = nullptr;
  const napi_status made = message->records ? napi_create_buffer_copy(env, message->records->size(),
                                                                      message->records->data(), nullptr, &argument)
                                            : napi_get_null(env, &argument);
  if (message->records) Recorder::recycle(std::move(*message->records));
  if (made != napi_ok || napi_get_undefined(env, &receiver) != napi_ok) return;
  (void)napi_call_function(env, receiver, callback, 1, &argument, nullptr);
}

void Host::join(std::chrono::milliseconds limit) {
  if (!std::exchange(joinable_, false)) return;
  std::unique_lock lock(mutex_);
  const bool done = ended_.wait_for(lock, limit, [this] { return has_ended_; });
  lock.unlock();
  if (done) {
    pthread_join(thread_, nullptr);
  } else {
    pthread_detach(thread_);
  }
}

bool Host::finished() const {
  const std::lock_guard lock(mutex_);
  return has_ended_;
}

Sessions::Sessions(napi_env env) { napi_add_async_cleanup_hook(env, clean_up, this, nullptr); }

void Sessions::keep(int fd) {
  if (const std::optional<ino_t> pipe = pipe_of(fd)) ends_[fd] = *pipe;
}

void Sessions::remove(const Host* host) {
  std::erase_if(hosts_, [host](const std::shared_ptr<Host>& one) { return one.get() == host; });
}

// The environment ends (a worker is terminated, or the process): kill all first, then wait for each tracer to reap.
void Sessions::clean_up(napi_async_cleanup_hook_handle handle, void* self) {
  auto* sessions = static_cast<Sessions*>(self);
  for (const auto& host : sessions->hosts_) host->session().control().kill_now();
  for (const auto& host : sessions->hosts_) host->join(kJoinLimit);
  sessions->hosts_.clear();
  // Node has closed the sockets of this environment before: an end that is still this pipe is nobody else's.
  for (const auto& [fd, pipe] : sessions->ends_) {
    if (pipe_of(fd) == pipe) close(fd);
  }
  sessions->ends_.clear();
  napi_remove_async_cleanup_hook(handle);
}

}  // namespace premain
