#include "control.h"

#include <sched.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <chrono>
#include <cstring>

#include "../ptrace/proc.h"

namespace premain {

namespace {

// How long a command may wait for a tracer that looks for it.
constexpr auto kLookEvery = std::chrono::milliseconds(10);

int pidfd_open(pid_t pid) { return static_cast<int>(syscall(SYS_pidfd_open, pid, 0)); }

// How long a tracer stays awake for a command: about as long as JavaScript takes for a stop that it does little with. A sleeper
// on an idle core is woken in 30 to 50 µs.
constexpr auto kAwake = std::chrono::microseconds(200);

// Through a pidfd, so that a reused number is never hit; by number where the kernel has none (before 5.3).
void kill_process(int pidfd, pid_t pid) {
  if (pidfd >= 0) {
    syscall(SYS_pidfd_send_signal, pidfd, SIGKILL, nullptr, 0);
  } else {
    kill(pid, SIGKILL);
  }
}

void collect(pid_t parent, std::vector<Descendant>& out) {
  for (const pid_t child : children_of(parent)) {
    if (out.size() >= 4096) return;
    out.push_back({child, parent, executable_path(child), false});
    collect(child, out);
  }
}

}  // namespace

void Control::post(Command command) {
  const std::lock_guard lock(mutex_);
  commands_.push_back(std::move(command));
  commanded_ = true;
  if (held_ || listening_) {
    changed_.notify_one();
  } else {
    send_wake();
  }
}

// SI_QUEUE with our address as value: nobody else sends that. Process-directed, so that it arrives whatever thread lives.
void Control::send_wake() {
  if (pid_ == 0 || wake_pending_ || wakes_closed_) return;
  siginfo_t info;
  memset(&info, 0, sizeof info);
  info.si_signo = SIGSTOP;
  info.si_code = SI_QUEUE;
  info.si_pid = getpid();
  info.si_value.sival_ptr = this;
  wake_pending_ = syscall(SYS_rt_sigqueueinfo, pid_, SIGSTOP, &info) == 0;
}

void Control::kill_now() {
  {
    const std::lock_guard lock(mutex_);
    commands_.push_back({Command::Type::End, {}});
    commanded_ = true;
    changed_.notify_one();
  }
  (void)end_target(true);
}

bool Control::held() const {
  const std::lock_guard lock(mutex_);
  return held_;
}

bool Control::killed_by_us() const {
  const std::lock_guard lock(mutex_);
  return killed_;
}

void Control::target_started(pid_t pid) {
  const std::lock_guard lock(mutex_);
  pid_ = pid;
  pidfd_ = Fd(pidfd_open(pid));
}

void Control::open_wakes() {
  const std::lock_guard lock(mutex_);
  wakes_closed_ = false;
}

void Control::target_gone() {
  const std::lock_guard lock(mutex_);
  pid_ = 0;
  pidfd_.reset();
}

Command Control::wait_command(bool awake) {
  const auto until = std::chrono::steady_clock::now() + (awake ? kAwake : kAwake.zero());
  while (!commanded_ && std::chrono::steady_clock::now() < until) sched_yield();
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return !commands_.empty(); });
  return pop();
}

Command Control::pop() {
  Command command = std::move(commands_.front());
  commands_.pop_front();
  commanded_ = !commands_.empty();
  return command;
}

void Control::set_held(bool held) {
  const std::lock_guard lock(mutex_);
  held_ = held;
  if (!held && !commands_.empty()) send_wake();
}

void Control::set_listening(bool listening) {
  const std::lock_guard lock(mutex_);
  listening_ = listening;
}

void Control::await_command() {
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, kLookEvery, [this] { return !commands_.empty(); });
}

std::optional<Command> Control::take() {
  const std::lock_guard lock(mutex_);
  if (commands_.empty()) return std::nullopt;
  return pop();
}

void Control::wake_seen() {
  const std::lock_guard lock(mutex_);
  wake_pending_ = false;
}

bool Control::close_wakes() {
  const std::lock_guard lock(mutex_);
  wakes_closed_ = true;
  return wake_pending_;
}

std::vector<Descendant> Control::end_target(bool with_children) {
  const std::lock_guard lock(mutex_);
  if (pid_ == 0) return {};
  killed_ = true;
  return end_family(true, with_children);
}

std::vector<Descendant> Control::end_children() {
  const std::lock_guard lock(mutex_);
  return end_family(false, true);
}

std::vector<Descendant> Control::end_family(bool with_target, bool with_children) {
  std::vector<Descendant> family;
  if (with_children) collect(pid_, family);
  std::vector<Fd> handles;
  for (const Descendant& member : family) {
    handles.emplace_back(member.parent == pid_ ? pidfd_open(member.pid) : -1);
  }
  if (with_target) kill_process(pidfd_.get(), pid_);
  for (size_t i = 0; i < family.size(); i++) {
    if (family[i].parent != pid_) continue;
    kill_process(handles[i].get(), family[i].pid);
    family[i].killed = true;
  }
  return family;
}

}  // namespace premain
