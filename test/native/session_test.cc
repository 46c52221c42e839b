// A whole session without JavaScript: launch, walk, reap; what it reports is kept in memory.
#include "session/session.h"

#include <gtest/gtest.h>

#include <cstring>
#include <thread>

#include "traced.h"

namespace premain {
namespace {

class Memo final : public Sink {
 public:
  void deliver(Bytes records, bool) override { bytes_.insert(bytes_.end(), records.begin(), records.end()); }

  std::vector<wire::WireRecord> records() const {
    std::vector<wire::WireRecord> out;
    for (size_t at = 0; at < bytes_.size(); at += out.back().size) {
      out.emplace_back();
      memcpy(&out.back(), bytes_.data() + at, sizeof out.back());
    }
    return out;
  }

 private:
  Bytes bytes_;
};

LaunchSpec program(std::vector<std::string> argv) {
  LaunchSpec spec;
  spec.file = argv.front();
  spec.argv = std::move(argv);
  for (int& fd : spec.stdio) fd = -1;
  return spec;
}

Plan plan_of(uint32_t flags) {
  Plan plan;
  plan.header.magic = wire::kMagic;
  plan.header.flags = flags;
  return plan;
}

// A session on a thread of its own, as in the addon; blocks until it has ended.
std::vector<wire::WireRecord> run(std::vector<std::string> argv, uint32_t flags) {
  Memo memo;
  Session session(program(std::move(argv)), plan_of(flags), {}, memo);
  std::thread([&session] { run_here(session); }).join();
  return memo.records();
}

TEST(SessionTest, WalksAProgramToItsEnd) {
  const auto records = run({"/bin/sh", "-c", "exit 7"}, 0);
  ASSERT_GE(records.size(), 4u);
  EXPECT_EQ(records[0].kind, wire::Kind::SyscallEntry);
  EXPECT_EQ(records[1].kind, wire::Kind::Exec);
  EXPECT_EQ(records[2].kind, wire::Kind::SyscallExit);
  EXPECT_EQ(records.back().kind, wire::Kind::End);
  EXPECT_EQ(records.back().a, static_cast<int64_t>(wire::End::Exited));
  EXPECT_EQ(records.back().b, 7);
}

TEST(SessionTest, SeesEveryForkAndLetsItGo) {
  const auto records = run({"/bin/sh", "-c", "for i in 1 2 3 4 5; do (exit 1); done; /bin/true; exit 0"}, 0);
  int forks = 0;
  for (const auto& record : records) forks += record.kind == wire::Kind::Fork;
  EXPECT_GE(forks, 5);
  EXPECT_EQ(records.back().b, 0);
}

TEST(SessionTest, SaysWhyAProgramCannotBeExecuted) {
  const auto records = run({"/no/such/program"}, 0);
  EXPECT_EQ(records.back().a, static_cast<int64_t>(wire::End::ExecFailed));
  EXPECT_EQ(records.back().b, -ENOENT);
}

TEST(SessionTest, IsEndedFromAnotherThreadAtAnyMoment) {
  for (int round = 0; round < 50; round++) {
    Memo memo;
    Session session(program({"/bin/sleep", "60"}), plan_of(0), {}, memo);
    std::thread tracer([&session] { run_here(session); });
    for (int spin = 0; spin < round * 20'000; spin++) __asm__ volatile("");
    session.control().post({Command::Type::End, {}});
    tracer.join();
    EXPECT_EQ(memo.records().back().kind, wire::Kind::End);
  }
}

}  // namespace
}  // namespace premain
