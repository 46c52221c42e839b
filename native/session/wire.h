// The two byte forms that cross between JavaScript and the tracer thread, little-endian, eight-byte aligned; their other
// halves are lib/session/plan-wire.ts and lib/session/wire.ts.
//
// A plan goes in: WirePlan, then WireSite[sites], then WireRead[reads]. Addresses are the file's; the tracer adds the
// load bias. Records come out: WireRecord, then sections, each WireSection with its bytes padded to eight.
#pragma once

#include <cstdint>

namespace premain::wire {

inline constexpr uint32_t kMagic = 0x314e'4d50;  // "PMN1"
inline constexpr uint64_t kNoAddress = ~0ull;    // a site that is armed while the target runs

enum PlanFlags : uint32_t {
  kAllStop = 1,   // hold the whole target at every stop until told to resume
  kRun = 2,       // let the target go at the last stop instead of ending it
  kSyscalls = 4,  // report every system call
};

struct WirePlan {
  uint32_t magic;
  uint32_t flags;
  uint32_t sites;
  uint32_t reads;
  uint64_t entry;   // e_entry
  uint64_t device;  // of the planned image; zeros: take any
  uint64_t inode;
  uint64_t text_address;  // the executable segment: where its bytes lie in memory and in the file
  uint64_t text_offset;
  uint64_t text_size;
  uint32_t stack_bytes;  // how much of the stack to take at each breakpoint, for backtraces
  uint32_t reserved;
};

enum SiteFlags : uint32_t {
  kRegisters = 1,
  kMaps = 2,
  kLast = 4,
  kCallerWithin = 8,  // accept only when the return address lies in [caller_low, caller_high)
  kKeepMask = 16,     // do not narrow the CPU mask when resuming from here
  kOtherImage = 32,   // the tracer's own mark: not of the image that the plan was made for
  kLoader = 64,       // in the dynamic linker, counted from AT_BASE: reported as rejected and held at every time
};

struct WireSite {
  uint64_t address;
  uint64_t caller_low;
  uint64_t caller_high;
  uint32_t flags;
  uint32_t first_read;
  uint32_t read_count;
  int32_t arm_return;  // site to arm at this function's return address, or -1
};

enum class ReadBase : uint32_t { Register = 0, File = 1, Read = 2 };

struct WireRead {
  uint64_t value;  // register index, file address, or index of an earlier read of the same site
  int64_t offset;
  ReadBase base;
  uint32_t length;
};

enum class Kind : uint16_t {
  SyscallEntry = 1,  // a: CLOCK_REALTIME
  Exec = 2,          // a: load bias, b: time spent arming
  SyscallExit = 3,   // a: result of execve
  Breakpoint = 4,
  Thread = 5,   // a: tid, b: 0 start, 1 exit
  Fork = 6,     // a: pid, b: 0 fork, 1 vfork
  Signal = 7,   // a: signal
  Syscall = 8,  // a: number, b: result at the exit
  State = 9,
  End = 10,  // a: End, b: status, site: threads alive at the last stop
  Detached = 11,
};

enum class End : int64_t { Exited = 0, Signaled = 1, Detached = 2, KilledByUs = 3, ExecFailed = 4, LaunchFailed = 5 };

enum RecordFlags : uint16_t {
  kCrossed = 1,    // the target had run on another core
  kRejected = 2,   // a breakpoint whose caller was not the right one
  kUnplanned = 4,  // an exec of an image that the plan is not for
  kAtExit = 8,     // the exit of a system call
  kHeld = 16,      // the target is held until told to resume
};

struct WireRecord {
  uint32_t size;  // with all sections
  Kind kind;
  uint16_t flags;
  int32_t tid;
  int32_t site;
  uint64_t at_ns;
  uint64_t held_ns;
  uint64_t cpu_ns;
  uint64_t thread_cpu_ns;
  uint64_t minor_faults;
  uint64_t major_faults;
  uint64_t address;
  int64_t a;
  int64_t b;
};

enum class Section : uint32_t {
  Registers = 1,
  Maps = 2,
  Read = 3,  // one for each planned read, in order; short or empty where memory was not there
  Auxv = 4,
  InitialStack = 5,
  Executable = 6,
  Stack = 7,
  Syscall = 8,     // the failed call's name
  Descendant = 9,  // WireDescendant, then the executable's path
  Arguments = 10,  // six words
  Argument = 11,   // a word: which argument; then what it points to
  LastHeld = 12,   // a word: how long the stop before was held (all-stop)
};

struct WireSection {
  Section type;
  uint32_t length;
};

struct WireDescendant {
  int32_t pid;
  int32_t parent;
  uint32_t killed;
  uint32_t reserved;
};

static_assert(sizeof(WirePlan) == 72 && sizeof(WireSite) == 40 && sizeof(WireRead) == 24);
static_assert(sizeof(WireRecord) == 88 && sizeof(WireSection) == 8 && sizeof(WireDescendant) == 16);

}  // namespace premain::wire
