// One traced run: launches the target, walks it through its plan, reports every event, and reaps it.
//
// `run` is the whole life of the tracer thread. Its state machine is `phase_`: before execve's entry, until
// PTRACE_EVENT_EXEC, until execve's exit, running, then
// leaving (bytes restored, threads still attached) or ending (killed, to be reaped).
#pragma once

#include <memory>
#include <mutex>

#include "../ptrace/breakpoints.h"
#include "../ptrace/launch.h"
#include "../ptrace/memory.h"
#include "../ptrace/proc.h"
#include "control.h"
#include "plan.h"
#include "recorder.h"
#include "world.h"

namespace premain {

// Where finished records go; called on the tracer thread.
class Sink {
 public:
  virtual ~Sink() = default;
  // `last`: with these the session has ended, and has nothing left of the target.
  virtual void deliver(Bytes records, bool last) = 0;
};

class Session {
 public:
  // `handed_over`: descriptors of this process that only the target needs, closed once it has them.
  Session(LaunchSpec spec, Plan plan, std::vector<Fd> handed_over, Sink& sink);

  // On the tracer thread, in its place and by its launcher, which may have a child ready.
  void run(const Placement& placement, Launcher& launcher);
  bool followed() const { return spec_.followed; }
  // Instead of `run`, where no thread can be had for it: reports that nothing was started.
  void refuse(Failure failure);

  // From JavaScript's thread.
  Control& control() { return control_; }
  // While the target is held; -1 when it is not.
  int64_t read_memory(uint64_t address, void* out, size_t length);
  bool read_maps(Bytes& out);

 private:
  enum class Phase { Starting, BeforeExec, InExec, AfterExec, Running, Leaving, Ending };

  void trace(World& world);
  void dispatch(World& world, Thread& thread);
  void on_signal(World& world, Thread& thread, int signal);
  void on_trap(World& world, Thread& thread);
  void on_breakpoint(World& world, Thread& thread, const arch::Registers& registers, Breakpoints::Entry& entry);
  void on_syscall(World& world, Thread& thread);
  void on_exec(World& world, Thread& thread);
  void on_birth(World& world, Thread& thread, BirthStop::How how);
  void on_trap_stop(World& world, Thread& thread);
  bool shares_memory(const Thread& maker, pid_t born) const;
  void adopt_copy(World& world, Thread& thread, const WaitStatus& status);
  void on_exit(World& world, Thread& thread);
  void record_exit(Thread& thread);

  void open_address_space(pid_t pid);
  // JavaScript may keep the session's object: no descriptor waits for its garbage collection.
  void close_address_space();
  void arm_plan(Fd executable);
  void must_stop_at(const wire::WireSite& site, bool armed);
  uint64_t address_of(const wire::WireSite& site) const;
  void add_sites(const std::vector<uint8_t>& bytes);
  // Waits for an event of a target in a job-control stop, or serves the commands that come first.
  Thread* look_around(World& world);
  void serve_commands(World& world);
  void serve(World& world, Command command);
  void hold(World& world);
  void pause(World& world);
  void end(World& world);
  void let_go(World& world);

  wire::WireRecord& record(wire::Kind kind, Thread& thread, int32_t site = -1);
  wire::WireRecord& record(wire::Kind kind);
  wire::WireRecord& begin(const wire::WireRecord& header);
  uint64_t thread_cpu_ns(Thread& thread, uint64_t process_ns) const;
  // Whether the thread has come to this stop from another core than the tracer's.
  bool crossed(const Thread& thread) const;
  // The target's memory with the program's own bytes where breakpoints are armed.
  size_t read_original(uint64_t address, void* out, size_t length) const;
  void take_paths(const SyscallInfo& call);
  void take_reads(const wire::WireSite& site, const arch::Registers& registers);
  void record_initial_stack(uint64_t sp);
  void record_breakpoint(Thread& thread, const arch::Registers& registers, const Breakpoints::Entry& entry,
                         bool accepted);
  void record_end(const World& world, const Launcher& launcher);
  void record_end(wire::End how, int64_t status, const char* syscall);
  // Closes the time during which the open record's stop held the target.
  void held_until_now();
  bool due() const;
  void flush(bool last = false);
  // Until execve's exit every system call is a stop, from the child's own stop on.
  Resume how() const {
    const bool to_syscall = phase_ < Phase::Running ? phase_ != Phase::Starting : plan_.has(wire::kSyscalls);
    return to_syscall ? Resume::ToSyscall : Resume::Continue;
  }
  void resume(World& world, Thread& thread, bool here = true);

  LaunchSpec spec_;
  Plan plan_;
  std::vector<Fd> handed_over_;
  Sink& sink_;
  Control control_;
  Recorder recorder_;
  Breakpoints breakpoints_;
  // memory_, maps_ and breakpoints_ are also read by JavaScript's thread while the target is held
  std::mutex space_mutex_;
  Memory memory_;
  MapsReader maps_;
  const Placement* placement_ = nullptr;

  Phase phase_ = Phase::Starting;
  pid_t pid_ = 0;
  uint64_t entry_ = 0;  // AT_ENTRY of the present image
  uint64_t bias_ = 0;
  uint64_t linker_ = 0;   // AT_BASE
  uint64_t zero_ns_ = 0;  // the resume of execve's entry
  // CPU time and faults of the process at the last report.
  uint64_t used_ns_ = 0;
  Faults faults_;
  uint64_t report_ns_ = 0;  // when the open record was made
  uint64_t last_held_ns_ = 0;
  uint64_t told_ns_ = 0;  // the last stop of which JavaScript was told; at first time zero
  bool planned_ = true;   // the present image is the one that the plan was made for
  bool forked_ = false;
  bool free_at_exec_ = false;  // a wish to be set free came before execve
  bool threaded_ = false;      // it has made a second thread
  bool open_ = false;          // a record waits for its held time
  size_t threads_at_end_ = 0;
  std::vector<Descendant> family_;
  std::optional<int64_t> exec_error_;
  std::optional<Failure> refused_;  // why the target was not let go on
};

}  // namespace premain
