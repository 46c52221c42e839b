// Every window of the tracer's state machine, met on purpose: what may happen at any moment happens here at each of its
// points in turn.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>
#include <set>
#include <utility>

#include "traced.h"

namespace premain {
namespace {

using knobs::Point;
using Modes = std::vector<uint32_t>;

const Modes kModes = {0, wire::kRun, wire::kAllStop, wire::kAllStop | wire::kRun};

// Runs the target once for each time that its tracer comes to `point`, and acts there.
template <class Act, class Check>
void at_each(const char* what, Point point, uint32_t mode, Act act, Check check) {
  for (int nth = 0;; nth++) {
    SCOPED_TRACE(testing::Message() << "point " << static_cast<int>(point) << " mode " << mode << " time " << nth);
    Traced traced(what, mode);
    int seen = 0;
    traced.at_point = [&](Point reached, pid_t id) {
      if (reached == point && seen++ == nth) act(traced, id);
    };
    // Where the time never comes, a target that waits to be told has to be told, too.
    if (strcmp(what, "exec") == 0) {
      traced.whom_next = [&] {
        if (!await_event(-1, 20)) traced.tell();
        return -1;
      };
    }
    traced.run();
    if (testing::Test::HasFailure()) return;
    if (seen <= nth) {
      EXPECT_GT(nth, 0) << "the point was never reached";
      return;
    }
    check(traced);
  }
}

template <class Act, class Check>
void at_each(Point point, uint32_t mode, Act act, Check check) {
  at_each("everything", point, mode, act, check);
}

int64_t exited(const Traced& traced) {
  return traced.end().a == static_cast<int64_t>(wire::End::Exited) ? traced.end().b : -1;
}

bool was_killed(const Traced& traced) {
  return traced.end().a == static_cast<int64_t>(wire::End::KilledByUs) ||
         (traced.end().a == static_cast<int64_t>(wire::End::Signaled) && traced.end().b == SIGKILL);
}

// Stops at breakpoints of the right caller: `once` and `last`.
size_t accepted(const Traced& traced) {
  size_t n = 0;
  for (const wire::WireRecord& record : traced.records()) {
    n += record.kind == wire::Kind::Breakpoint && (record.flags & wire::kRejected) == 0;
  }
  return n;
}

// Somebody kills the target; the next thing the tracer asks of the thread finds it gone, or on its way.
void kill_target(Traced& traced, pid_t id) {
  kill(traced.pid(), SIGKILL);
  await_event(id == 0 ? -1 : id, 20);
}

class RacesTest : public testing::TestWithParam<uint32_t> {};
INSTANTIATE_TEST_SUITE_P(Modes, RacesTest, testing::ValuesIn(kModes));

TEST_P(RacesTest, RunsToItsEndUndisturbed) {
  Traced traced("everything", GetParam());
  traced.run();
  EXPECT_EQ(accepted(traced), 2u);
  EXPECT_EQ(exited(traced), (GetParam() & wire::kRun) != 0 ? 7 : -1);
  EXPECT_EQ(was_killed(traced), (GetParam() & wire::kRun) == 0);
}

TEST_P(RacesTest, KilledBySomebodyAtEachStop) {
  at_each(Point::Stopped, GetParam(), kill_target, [](Traced& traced) { EXPECT_TRUE(was_killed(traced)); });
}

TEST_P(RacesTest, KilledByItsConsumerAtEachStop) {
  at_each(
      Point::Stopped, GetParam(), [](Traced& traced, pid_t) { traced.control().kill_now(); },
      [](Traced& traced) { EXPECT_TRUE(was_killed(traced)); });
}

TEST_P(RacesTest, ToldToEndAtEachStop) {
  at_each(
      Point::Stopped, GetParam(),
      [](Traced& traced, pid_t) {
        traced.control().post({Command::Type::End, {}});
      },
      [](Traced& traced) { EXPECT_TRUE(was_killed(traced) || exited(traced) == 7); });
}

TEST_P(RacesTest, ToldToLetGoAtEachStop) {
  at_each(
      Point::Stopped, GetParam(),
      [](Traced& traced, pid_t) {
        traced.control().post({Command::Type::Detach, {}});
      },
      [](Traced& traced) { EXPECT_TRUE(was_killed(traced) || exited(traced) == 7); });
}

TEST_P(RacesTest, PausedAtEachStop) {
  at_each(
      Point::Stopped, GetParam(),
      [](Traced& traced, pid_t) {
        traced.control().post({Command::Type::Pause, {}});
      },
      [](Traced& traced) { EXPECT_TRUE(was_killed(traced) || exited(traced) == 7); });
}

// A signal that the target ignores: it has to arrive as if nobody were there.
TEST_P(RacesTest, SignalledAtEachStop) {
  at_each(
      Point::Stopped, GetParam(), [](Traced& traced, pid_t) { kill(traced.pid(), SIGWINCH); },
      [](Traced& traced) { EXPECT_TRUE(was_killed(traced) || exited(traced) == 7); });
}

// Somebody stops the target, and lets it go on once nothing happens any more.
TEST_P(RacesTest, StoppedBySomebodyAtEachStop) {
  for (const Point point : {Point::Cloned, Point::Stopped}) {
    bool stopped = false;
    at_each(
        point, GetParam(),
        [&](Traced& traced, pid_t) {
          kill(traced.pid(), SIGSTOP);
          stopped = true;
          traced.whom_next = [&] {
            if (stopped && (traced.is_free() || !await_event(-1, 20))) stopped = kill(traced.pid(), SIGCONT) != 0;
            return -1;
          };
        },
        [](Traced& traced) { EXPECT_TRUE(was_killed(traced) || exited(traced) == 7); });
  }
}

// Another thread executes a new image while this one is stopped: its stop ends under the tracer's hands.
TEST_P(RacesTest, AnotherThreadExecutesAtEachStop) {
  at_each(
      "exec", Point::Stopped, GetParam(),
      [](Traced& traced, pid_t id) {
        traced.tell();
        await_event(id, 20);
      },
      [](Traced& traced) { EXPECT_EQ(exited(traced), 7); });
}

// The same at every other point, where it comes in the middle of something.
class WindowsTest : public testing::TestWithParam<Point> {};
INSTANTIATE_TEST_SUITE_P(Points, WindowsTest,
                         testing::Values(Point::Cloned, Point::Launched, Point::Wait, Point::Interrupted,
                                         Point::Disarmed, Point::Step, Point::Held, Point::Ending, Point::Detaching));

// The mode in which the tracer comes to this point.
uint32_t mode_of(Point point) {
  if (point == Point::Held) return wire::kAllStop;
  return point == Point::Detaching ? uint32_t{wire::kRun} : 0;
}

TEST_P(WindowsTest, KilledBySomebody) {
  at_each(GetParam(), mode_of(GetParam()), kill_target, [](Traced& traced) { EXPECT_TRUE(was_killed(traced)); });
}

TEST_P(WindowsTest, KilledByItsConsumer) {
  at_each(
      GetParam(), mode_of(GetParam()), [](Traced& traced, pid_t) { traced.control().kill_now(); },
      [](Traced& traced) { EXPECT_TRUE(was_killed(traced)); });
}

TEST_P(WindowsTest, ToldToEnd) {
  at_each(
      GetParam(), mode_of(GetParam()),
      [](Traced& traced, pid_t) {
        traced.control().post({Command::Type::End, {}});
      },
      [](Traced& traced) { EXPECT_TRUE(was_killed(traced) || exited(traced) == 7); });
}

// Every thread and process of the target that /proc knows.
std::set<pid_t> family_of(pid_t pid) {
  std::set<pid_t> ids;
  for (const pid_t child : children_of(pid)) ids.insert(child);
  for (pid_t thread = pid; thread < pid + 64; thread++) {
    if (syscall(SYS_tgkill, pid, thread, 0) == 0) ids.insert(thread);
  }
  return ids;
}

// A newborn's own first stop may be reported before its birth is, or after it: the kernel promises no order.
class NewbornTest : public testing::TestWithParam<bool> {};
INSTANTIATE_TEST_SUITE_P(Orders, NewbornTest, testing::Bool());

TEST_P(NewbornTest, IsKnownWhicheverIsReportedFirst) {
  const bool newborn_first = GetParam();
  for (const uint32_t mode : kModes) {
    Traced traced("everything", mode);
    std::set<pid_t> known;
    int chosen = 0;
    traced.whom_next = [&]() -> pid_t {
      if (!await_event(-1, 100)) return -1;
      for (const pid_t id : family_of(traced.pid())) {
        const bool is_new = known.count(id) == 0;
        if (is_new == newborn_first && await_event(id, is_new ? 20 : 0)) {
          chosen += is_new;
          known.insert(id);
          return id;
        }
      }
      return -1;
    };
    traced.at_point = [&](Point point, pid_t id) {
      if (point == Point::Stopped) known.insert(id);
    };
    traced.run();
    EXPECT_EQ(accepted(traced), 2u) << mode;
    EXPECT_EQ(chosen > 0, newborn_first);
  }
}

// Whether what `maker` has stopped with, and nobody has waited for yet, is the birth of `id`.
bool bears(pid_t maker, pid_t id) {
  siginfo_t info{};
  const int options = WSTOPPED | WNOHANG | WNOWAIT | __WALL | __WNOTHREAD;
  if (waitid(P_PID, static_cast<id_t>(maker), &info, options) != 0 || info.si_pid == 0) return false;
  const int event = info.si_status >> 8;
  if (event != PTRACE_EVENT_FORK && event != PTRACE_EVENT_VFORK && event != PTRACE_EVENT_CLONE) return false;
  unsigned long born = 0;
  return ptrace(PTRACE_GETEVENTMSG, maker, nullptr, &born) == 0 && born == static_cast<unsigned long>(id);
}

// Other threads go on, over a breakpoint that stops them all, between a newborn's first stop and the report of its birth:
// until that tells what it is, it runs nothing.
// On a slow machine the others may have nothing to report just then: until they had.
TEST(UnbornTest, StaysStoppedUntilItsBirthIsReported) {
  constexpr int kAttempts = 20;
  for (const uint32_t mode : kModes) {
    SCOPED_TRACE(testing::Message() << "mode " << mode);
    size_t others = 0;
    for (int attempt = 0; attempt < kAttempts && others <= 1; attempt++) {
      Traced traced("everything", mode);
      std::set<pid_t> known;
      pid_t unborn = 0;
      traced.whom_next = [&]() -> pid_t {
        if (!await_event(-1, 100)) return -1;
        std::set<pid_t> rest = family_of(traced.pid());
        for (const pid_t id : rest) {
          if (known.count(id) == 0 && await_event(id, 0)) return id;
        }
        rest.erase(traced.pid());
        if (unborn == 0 && await_event(traced.pid(), 20)) return traced.pid();
        for (const pid_t id : rest) {
          if (await_event(id, unborn == 0 ? 0 : 20)) return id;
        }
        return -1;
      };
      traced.at_point = [&](Point point, pid_t id) {
        if (point != Point::Stopped) return;
        if (known.insert(id).second && id != traced.pid()) {
          // Its maker waits to report the birth: where it has done so, or is another, the newborn may run.
          if (await_event(traced.pid(), 20) && bears(traced.pid(), id)) unborn = id;
        } else if (id != traced.pid()) {
          others += unborn != 0;
        } else if (const pid_t newborn = std::exchange(unborn, 0)) {
          EXPECT_FALSE(await_event(newborn, 20)) << "it has run";
        }
      };
      traced.run();
      EXPECT_EQ(accepted(traced), 2u);
    }
    EXPECT_GT(others, 1u) << "no other thread came in between";
  }
}

// Two signals come before the instruction under a breakpoint has been run: both are delivered.
TEST(StepTest, LosesNoSignal) {
  Traced traced("everything", wire::kRun);
  bool sent = false;
  traced.at_point = [&](Point point, pid_t id) {
    if (point != Point::Step || sent) return;
    sent = true;
    for (const int signal : {SIGWINCH, SIGURG}) syscall(SYS_tgkill, traced.pid(), id, signal);
  };
  traced.run();
  std::set<int64_t> signals;
  for (const wire::WireRecord& record : traced.records()) {
    if (record.kind == wire::Kind::Signal) signals.insert(record.a);
  }
  EXPECT_EQ(signals.count(SIGWINCH), 1u);
  EXPECT_EQ(signals.count(SIGURG), 1u);
  EXPECT_EQ(exited(traced), 7);
}

// The environment may go away while records are on their way to it.
TEST(DeliveryTest, EndsWhereItsConsumerKillsFromWithin) {
  for (int nth = 0; nth < 4; nth++) {
    Traced traced("everything", wire::kAllStop);
    int seen = 0;
    traced.at_delivery = [&] {
      if (seen++ == nth) traced.control().kill_now();
    };
    traced.run();
    EXPECT_TRUE(was_killed(traced)) << nth;
  }
}

}  // namespace
}  // namespace premain
