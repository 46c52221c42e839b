#include "sessions.h"

#include <sys/stat.h>
#include <unistd.h>

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

Sessions::Sessions(napi_env env) { napi_add_async_cleanup_hook(env, clean_up, this, nullptr); }

bool Sessions::start(napi_env env, const std::shared_ptr<Host>& host) {
  quiet_stops();
  while (!idle_.empty()) {
    TracerThread* thread = idle_.back();
    idle_.pop_back();
    host->serve_on(thread);
    if (!thread->take(host)) continue;
    host->ref(env);
    hosts_.push_back(host);
    return true;
  }
  auto thread = std::make_shared<TracerThread>(env, receive);
  host->serve_on(nullptr);
  if (thread->to_js() == nullptr) return false;
  host->serve_on(thread.get());
  hosts_.push_back(host);
  threads_.push_back(thread);
  thread->start(host);
  return true;
}

void Sessions::expect() {
  if (!idle_.empty()) idle_.back()->expect();
}

void Sessions::ended(napi_env env, Host& host, TracerThread& thread) {
  host.unref(env);
  host.serve_on(nullptr);
  std::erase_if(hosts_, [&host](const std::shared_ptr<Host>& one) { return one.get() == &host; });
  idle_.push_back(&thread);
}

void Sessions::left(TracerThread& thread) {
  thread.join(kJoinLimit);
  napi_release_threadsafe_function(thread.to_js(), napi_tsfn_release);
  std::erase(idle_, &thread);
  std::erase_if(threads_, [&thread](const std::shared_ptr<TracerThread>& one) { return one.get() == &thread; });
}

// `env` is null when the environment is gone.
void Sessions::receive(napi_env env, napi_value, void* context, void* data) {
  const std::unique_ptr<TracerThread::Message> message(static_cast<TracerThread::Message*>(data));
  void* found = nullptr;
  if (env == nullptr || napi_get_instance_data(env, &found) != napi_ok || found == nullptr) return;
  auto& sessions = *static_cast<Sessions*>(found);
  auto& thread = *static_cast<TracerThread*>(context);
  if (message->host == nullptr) return sessions.left(thread);
  Host& host = *message->host;
  const Bytes& bytes = message->records;
  napi_value batch = nullptr;
  bool made = napi_create_buffer_copy(env, bytes.size(), bytes.data(), nullptr, &batch) == napi_ok;
  Recorder::recycle(std::move(message->records));
  if (message->last) sessions.ended(env, host, thread);
  // The end has to be told, also where there is no memory for how it came.
  if (!made && message->last) made = napi_get_null(env, &batch) == napi_ok;
  if (made) host.call(env, batch, message->last);
  if (message->last) host.drop_callback(env);
}

void Sessions::keep(int fd) {
  if (const std::optional<ino_t> pipe = pipe_of(fd)) ends_[fd] = *pipe;
}

// The environment ends (a worker is terminated, or the process): kill all first, then wait for each tracer to reap.
void Sessions::clean_up(napi_async_cleanup_hook_handle handle, void* self) {
  auto* sessions = static_cast<Sessions*>(self);
  for (const auto& host : sessions->hosts_) host->session().control().kill_now();
  for (const auto& thread : sessions->threads_) thread->leave();
  for (const auto& thread : sessions->threads_) thread->join(kJoinLimit);
  sessions->hosts_.clear();
  // Node has closed the sockets of this environment before: an end that is still this pipe is nobody else's.
  for (const auto& [fd, pipe] : sessions->ends_) {
    if (pipe_of(fd) == pipe) close(fd);
  }
  sessions->ends_.clear();
  napi_remove_async_cleanup_hook(handle);
}

}  // namespace premain
