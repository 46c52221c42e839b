#include "tracer_thread.h"

#include <sys/resource.h>
#include <unistd.h>

#include <utility>

namespace premain {

namespace {

constexpr auto kPatience = std::chrono::milliseconds(100);
// How long a child waits for the session that was expected, and for how much of that its tracer stays awake.
constexpr auto kChildPatience = std::chrono::milliseconds(10);
constexpr auto kAwake = std::chrono::microseconds(300);

}  // namespace

TracerThread::TracerThread(napi_env env, napi_threadsafe_function_call_js receive) {
  napi_value name = nullptr;
  if (napi_create_string_utf8(env, "premain", NAPI_AUTO_LENGTH, &name) != napi_ok) return;
  napi_create_threadsafe_function(env, nullptr, nullptr, name, 0, 1, nullptr, nullptr, this, receive, &to_js_);
}

void TracerThread::start(std::shared_ptr<Host> host) {
  inherited_ = inherited();
  next_ = host;
  called_ = true;
  look_ = true;
  auto* self = new std::shared_ptr<TracerThread>(shared_from_this());
  // Not std::thread, which throws at a limit of threads or memory.
  const int error = pthread_create(
      &thread_, nullptr,
      [](void* argument) -> void* {
        const std::unique_ptr<std::shared_ptr<TracerThread>> thread(
            static_cast<std::shared_ptr<TracerThread>*>(argument));
        (*thread)->run();
        return nullptr;
      },
      self);
  joinable_ = error == 0;
  if (joinable_) return;
  delete self;
  leaving_ = true;
  host->session().refuse(Failure{error, "pthread_create"});
  send({});
}

void TracerThread::expect() { (void)call(nullptr); }

bool TracerThread::take(std::shared_ptr<Host> host) { return call(std::move(host)); }

bool TracerThread::call(std::shared_ptr<Host> host) {
  const Inherited here = inherited();
  std::unique_lock lock(mutex_);
  leaving_ = leaving_ || !(here == inherited_);
  if (!leaving_) {
    if (!std::exchange(called_, true)) keep_off_this_core();
    next_ = std::move(host);
  }
  const bool taken = !leaving_;
  look_ = next_ != nullptr || leaving_;
  lock.unlock();  // who is woken finds it free
  changed_.notify_all();
  return taken;
}

// A sleeper is woken near its waker, which has more to do: the two would share a core while another is idle. Only for a
// thread that is not leaving: the number of one that has left is 0, the caller's own.
void TracerThread::keep_off_this_core() {
  cpu_set_t others = inherited_.cores;
  CPU_CLR(static_cast<size_t>(sched_getcpu()), &others);
  if (CPU_COUNT(&others) > 0) pthread_setaffinity_np(thread_, sizeof others, &others);
}

void TracerThread::leave() {
  const std::lock_guard lock(mutex_);
  leaving_ = true;
  look_ = true;
  changed_.notify_all();
}

void TracerThread::join(std::chrono::milliseconds limit) {
  if (!std::exchange(joinable_, false)) return;
  std::unique_lock lock(mutex_);
  const bool left = changed_.wait_for(lock, limit, [this] { return left_; });
  lock.unlock();
  if (left) {
    pthread_join(thread_, nullptr);
  } else {
    pthread_detach(thread_);
  }
}

void TracerThread::send(Message message) {
  auto* sent = new Message(std::move(message));
  if (napi_call_threadsafe_function(to_js_, sent, napi_tsfn_blocking) != napi_ok) delete sent;
}

TracerThread::Inherited TracerThread::inherited() {
  Inherited here{};
  here.priority = getpriority(PRIO_PROCESS, 0);
  sched_getaffinity(0, sizeof here.cores, &here.cores);
  getresuid(&here.users[0], &here.users[1], &here.users[2]);
  getresgid(&here.groups[0], &here.groups[1], &here.groups[2]);
  return here;
}

bool TracerThread::Inherited::operator==(const Inherited& other) const {
  return priority == other.priority && CPU_EQUAL(&cores, &other.cores) && users == other.users &&
         groups == other.groups;
}

// Nothing may touch the environment after the last message: at its teardown the call fails and the function is gone.
void TracerThread::run() {
  {
    Launcher launcher;
    while (await_call()) {
      sched_setaffinity(0, sizeof inherited_.cores, &inherited_.cores);
      const Placement placement;
      if (!look_) launcher.prepare();
      if (const std::shared_ptr<Host> host = next(placement)) {
        host->session().run(placement, launcher);
        const std::lock_guard lock(mutex_);
        called_ = called_ || host->session().followed();
      } else {
        launcher.discard();
      }
    }
  }
  send({});
  const std::lock_guard lock(mutex_);
  left_ = true;
  changed_.notify_all();
}

// Whether a session has come, or one is expected; false where the thread is to leave.
bool TracerThread::await_call() {
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, kPatience, [this] { return called_ || leaving_; });
  leaving_ = leaving_ || !called_;
  return next_ != nullptr || !leaving_;
}

// The session; none where the one that was expected has not come. With a single core it would keep JavaScript from it.
std::shared_ptr<Host> TracerThread::next(const Placement& placement) {
  const auto until = std::chrono::steady_clock::now() + kAwake;
  while (placement.core() >= 0 && !look_ && std::chrono::steady_clock::now() < until) sched_yield();
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, kChildPatience, [this] { return next_ != nullptr || leaving_; });
  called_ = false;
  look_ = false;
  return std::exchange(next_, nullptr);
}

}  // namespace premain
