#include "traced.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

#include <chrono>
#include <cstring>
#include <future>
#include <thread>

namespace premain {

namespace {

constexpr auto kPatience = std::chrono::seconds(10);

struct Addresses {
  unsigned long entry, once, refused, last;
};

Addresses addresses() {
  static const Addresses known = [] {
    Addresses read{};
    FILE* said = popen(PREMAIN_TARGET " addresses", "r");
    if (said == nullptr || fscanf(said, "%lx %lx %lx %lx", &read.entry, &read.once, &read.refused, &read.last) != 4) {
      ADD_FAILURE() << PREMAIN_TARGET " does not say its addresses";
    }
    if (said != nullptr) pclose(said);
    return read;
  }();
  return known;
}

wire::WireSite site(uint64_t address, uint32_t flags) {
  wire::WireSite made{};
  made.address = address;
  made.flags = flags | wire::kRegisters;
  made.arm_return = -1;
  return made;
}

}  // namespace

Plan target_plan(uint32_t flags) {
  const Addresses at = addresses();
  Plan plan;
  plan.header.magic = wire::kMagic;
  plan.header.flags = flags;
  plan.header.entry = at.entry;
  plan.header.stack_bytes = 512;
  struct stat file;
  if (stat(PREMAIN_TARGET, &file) == 0) {
    plan.header.device = file.st_dev;
    plan.header.inode = file.st_ino;
  }
  plan.sites = {site(at.once, 0), site(at.refused, wire::kCallerWithin), site(at.last, wire::kLast)};
  plan.header.sites = static_cast<uint32_t>(plan.sites.size());
  return plan;
}

bool has_event(pid_t id) {
  siginfo_t info{};
  const int options = WEXITED | WSTOPPED | WNOHANG | WNOWAIT | __WALL | __WNOTHREAD;
  return waitid(id == -1 ? P_ALL : P_PID, static_cast<id_t>(id), &info, options) == 0 && info.si_pid != 0;
}

bool await_event(pid_t id, int limit_ms) {
  const uint64_t until = monotonic_ns() + static_cast<uint64_t>(limit_ms) * 1'000'000;
  while (!has_event(id)) {
    if (monotonic_ns() > until) return false;
    std::this_thread::yield();
  }
  return true;
}

void run_here(Session& session) {
  const Placement placement;
  Launcher launcher;
  session.run(placement, launcher);
}

Traced::Traced(std::string what, uint32_t flags) : session_(spec(std::move(what)), target_plan(flags), {}, *this) {
  knobs::hooks = this;
}

Traced::~Traced() { knobs::hooks = nullptr; }

LaunchSpec Traced::spec(std::string what) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) == 0) {
    input_[0] = Fd(ends[0]);
    input_[1] = Fd(ends[1]);
  }
  LaunchSpec made;
  made.file = PREMAIN_TARGET;
  made.argv = {PREMAIN_TARGET, std::move(what)};
  made.stdio[0] = input_[0].get();
  made.stdio[1] = made.stdio[2] = -1;
  return made;
}

void Traced::run() {
  std::promise<void> done;
  std::thread tracer([&] {
    run_here(session_);
    child_left_ = waitpid(-1, nullptr, __WALL | __WNOTHREAD | WNOHANG) != -1;
    done.set_value();
  });
  auto ended = done.get_future();
  if (ended.wait_for(kPatience) != std::future_status::ready) {
    ADD_FAILURE() << "the session hangs";
    control().kill_now();
    if (ended.wait_for(kPatience) != std::future_status::ready) abort();
  }
  tracer.join();
  EXPECT_FALSE(child_left_);
  EXPECT_TRUE(has_ended_);
  EXPECT_EQ(count(wire::Kind::End), 1u);
  ASSERT_FALSE(records_.empty());
  EXPECT_EQ(end().kind, wire::Kind::End);
  EXPECT_TRUE(pid_ == 0 || kill(pid_, 0) == -1) << pid_ << " is left";
}

void Traced::tell() { (void)!write(input_[1].get(), "", 1); }

size_t Traced::count(wire::Kind kind) const {
  size_t n = 0;
  for (const wire::WireRecord& record : records_) n += record.kind == kind;
  return n;
}

void Traced::deliver(Bytes bytes, bool last) {
  EXPECT_FALSE(has_ended_);
  has_ended_ = last;
  bool held = false;
  for (size_t at = 0; at < bytes.size(); at += records_.back().size) {
    records_.emplace_back();
    memcpy(&records_.back(), bytes.data() + at, sizeof records_.back());
    held |= (records_.back().flags & wire::kHeld) != 0;
  }
  if (at_delivery) at_delivery();
  if (held) control().post({Command::Type::Resume, {}});
}

void Traced::at(knobs::Point point, pid_t id) {
  if (point == knobs::Point::Cloned) pid_ = id;
  if (point == knobs::Point::Detaching) is_free_ = true;
  if (at_point) at_point(point, id);
}

}  // namespace premain
