// A child that is made before it is known what it is to execute.
#include "ptrace/launch.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>
#include <functional>
#include <thread>

#include "traced.h"

namespace premain {
namespace {

// The hooks of a launch that no session has.
class Watch final : public knobs::Hooks {
 public:
  explicit Watch(std::function<void(pid_t)> at_clone) : at_clone_(std::move(at_clone)) { knobs::hooks = this; }
  ~Watch() override { knobs::hooks = nullptr; }
  void at(knobs::Point point, pid_t id) override {
    if (point == knobs::Point::Cloned) at_clone_(id);
  }

 private:
  std::function<void(pid_t)> at_clone_;
};

class Keep final : public Sink {
 public:
  void deliver(Bytes records, bool last) override {
    for (size_t at = 0; at < records.size(); at += end.size) memcpy(&end, records.data() + at, sizeof end);
    ended = last;
  }
  wire::WireRecord end{};
  bool ended = false;
};

LaunchSpec target(const char* what, int output) {
  LaunchSpec spec;
  spec.file = PREMAIN_TARGET;
  spec.argv = {PREMAIN_TARGET, what};
  spec.stdio[0] = spec.stdio[2] = -1;
  spec.stdio[1] = output;
  return spec;
}

Plan no_stops() {
  Plan plan;
  plan.header.magic = wire::kMagic;
  plan.header.flags = wire::kRun;
  return plan;
}

bool has_children() { return waitpid(-1, nullptr, __WALL | WNOHANG) != -1; }

// Runs the target by that launcher, to how it ended.
wire::WireRecord run(const char* what, const Placement& placement, Launcher& launcher) {
  Keep sink;
  Session session(target(what, -1), no_stops(), {}, sink);
  session.run(placement, launcher);
  EXPECT_TRUE(sink.ended);
  return sink.end;
}

void on_a_thread(const std::function<void()>& work) { std::thread(work).join(); }

TEST(LaunchTest, AChildThatWaitsIsEndedWithItsLauncher) {
  on_a_thread([] {
    pid_t child = 0;
    const Watch watch([&child](pid_t id) { child = id; });
    {
      Launcher launcher;
      launcher.prepare();
      const pid_t first = child;
      ASSERT_NE(first, 0);
      launcher.prepare();
      EXPECT_EQ(child, first) << "a second child was made beside the one that waits";
      EXPECT_EQ(kill(child, 0), 0);
      launcher.discard();
      EXPECT_FALSE(has_children());
      launcher.prepare();
      EXPECT_NE(child, first);
    }
    EXPECT_FALSE(has_children());
    EXPECT_EQ(kill(child, 0), -1);
  });
}

// Before it is seized, and after that: nobody but the kernel can end it then.
TEST(LaunchTest, AChildThatWaitsEndsWithAKilledTracer) {
  prctl(PR_SET_CHILD_SUBREAPER, 1);
  for (const bool seized : {false, true}) {
    int told[2];
    ASSERT_EQ(pipe2(told, O_CLOEXEC), 0);
    const pid_t tracer = fork();
    if (tracer == 0) {
      pid_t child = 0;
      const Watch watch([&](pid_t id) {
        child = id;
        if (!seized) {
          (void)!write(told[1], &child, sizeof child);
          // Until it asks for nothing more, it may be before the call by which it would end with us.
          usleep(20'000);
          raise(SIGKILL);
        }
      });
      Launcher launcher;
      launcher.prepare();
      (void)!write(told[1], &child, sizeof child);
      raise(SIGKILL);
    }
    pid_t child = 0;
    ASSERT_EQ(read(told[0], &child, sizeof child), static_cast<ssize_t>(sizeof child));
    EXPECT_EQ(waitpid(tracer, nullptr, 0), tracer);
    int status = 0;
    alarm(10);
    EXPECT_EQ(waitpid(child, &status, __WALL), child);
    alarm(0);
    EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) << status;
    close(told[0]);
    close(told[1]);
  }
  prctl(PR_SET_CHILD_SUBREAPER, 0);
}

TEST(LaunchTest, HasTheDescriptorsOfTheMomentOfItsRelease) {
  on_a_thread([] {
    const Placement placement;
    Launcher launcher;
    for (int round = 0; round < 3; round++) {
      if (round > 0) launcher.prepare();
      int output[2];
      ASSERT_EQ(pipe2(output, O_CLOEXEC), 0);
      Keep sink;
      std::vector<Fd> handed_over;
      handed_over.emplace_back(output[1]);
      Session session(target("addresses", output[1]), no_stops(), std::move(handed_over), sink);
      session.run(placement, launcher);
      EXPECT_TRUE(sink.ended);
      EXPECT_EQ(sink.end.a, static_cast<int64_t>(wire::End::Exited));
      EXPECT_EQ(sink.end.b, 0);
      char text[256];
      EXPECT_GT(read(output[0], text, sizeof text), 8);
      EXPECT_EQ(read(output[0], text, sizeof text), 0) << "somebody still holds the end that was handed over";
      EXPECT_EQ(fcntl(output[0], F_GETFD), FD_CLOEXEC) << "the child closed a descriptor of ours";
      close(output[0]);
    }
    EXPECT_FALSE(has_children());
  });
}

TEST(LaunchTest, LeavesTheTargetNoSignalOfItsTracersEnd) {
  on_a_thread([] {
    const Placement placement;
    Launcher launcher;
    const wire::WireRecord end = run("deathsig", placement, launcher);
    EXPECT_EQ(end.a, static_cast<int64_t>(wire::End::Exited));
    EXPECT_EQ(end.b, 0);
  });
}

TEST(LaunchTest, LeavesTheTargetNoSignalOfTheTimeBefore) {
  on_a_thread([] {
    const Placement placement;
    Launcher launcher;
    pid_t child = 0;
    const Watch watch([&child](pid_t id) { child = id; });
    launcher.prepare();
    ASSERT_NE(child, 0);
    for (const int signal : {SIGINT, SIGTERM, SIGRTMAX}) ASSERT_EQ(kill(child, signal), 0);
    const wire::WireRecord end = run("addresses", placement, launcher);
    EXPECT_EQ(end.a, static_cast<int64_t>(wire::End::Exited));
    EXPECT_EQ(end.b, 0);
  });
}

TEST(LaunchTest, SaysThatTheChildWasKilledWhileItWaited) {
  on_a_thread([] {
    const Placement placement;
    Launcher launcher;
    pid_t child = 0;
    const Watch watch([&child](pid_t id) { child = id; });
    launcher.prepare();
    ASSERT_NE(child, 0);
    ASSERT_EQ(kill(child, SIGKILL), 0);
    ASSERT_TRUE(await_event(child, 1000));
    const wire::WireRecord end = run("addresses", placement, launcher);
    EXPECT_EQ(end.a, static_cast<int64_t>(wire::End::Signaled));
    EXPECT_EQ(end.b, SIGKILL);
    EXPECT_FALSE(has_children());
  });
}

}  // namespace
}  // namespace premain
