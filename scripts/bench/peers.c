// The peers that the benchmark compares premain with: what plain C takes for the same work.
//
//     peers PROGRAM [ARGUMENT…]
//
// It reads one order a line and answers each with nanoseconds and the number of stops:
//
//     spawn                    start the program, wait for its exit
//     trace PLAN near|far run  stop it wherever PLAN says, take what PLAN says, detach at the last stop, wait for its exit
//     trace PLAN near|far kill the same, but end it at the last stop
//     hog                      keep a core busy; never answers
//
// PLAN is text, written by plan.mjs from premain's own plan: "entry ADDRESS", then for each place to stop at
// "site ADDRESS FLAGS ARM_RETURN READS" (address 0: armed while running), followed by its "read BASE VALUE OFFSET LENGTH".
// `near` keeps tracer and target on one core, `far` leaves that to the scheduler. The program's descriptors 0 to 2 are
// /dev/null. x86-64.
#define _GNU_SOURCE
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { MOST_SITES = 8192, MOST_THREADS = 256, MOST_READS = 16, STACK = 65536 };
enum { TAKE_MAPS = 1, LAST = 2, KEEP_MASK = 4 };  // flags of a site

struct read {
  int base;  // 0: a register, 1: the file, 2: an earlier read of the same stop
  uint64_t value;
  int64_t offset;
  unsigned length;
};

struct site {
  uint64_t address;
  unsigned flags;
  int arm_return;  // the site that this function's return address becomes, or -1
  int read_count;
  struct read reads[MOST_READS];
};

struct breakpoint {
  uint64_t address;
  int site;
  uint8_t saved;
  bool armed;
};

static char** command;
extern char** environ;

static struct site sites[MOST_SITES];
static int site_count;
static uint64_t planned_entry;

static struct breakpoint breakpoints[2 * MOST_SITES];
static int planned_count, breakpoint_count;  // the planned ones are sorted, those at returns follow
static pid_t threads[MOST_THREADS];
static int thread_count;
static int memory = -1, maps = -1;
static uint64_t bias;
static cpu_set_t every_core, one_core;
static uint8_t taken[1 << 20];  // what a tracer would keep

static void fail(const char* what) {
  perror(what);
  exit(1);
}

static uint64_t now(clockid_t clock) {
  struct timespec time;
  clock_gettime(clock, &time);
  return time.tv_sec * 1000000000ull + time.tv_nsec;
}

static void load_plan(const char* path) {
  static char loaded[4096];
  if (strcmp(path, loaded) == 0) return;
  FILE* file = fopen(path, "re");
  if (file == NULL || fscanf(file, "entry %lx ", &planned_entry) != 1) fail(path);
  struct site* site = sites;
  while (fscanf(file, "site %lx %u %d %d ", &site->address, &site->flags, &site->arm_return, &site->read_count) == 4) {
    if (site->read_count > MOST_READS || site == sites + MOST_SITES - 1) fail("plan");
    for (struct read* one = site->reads; one < site->reads + site->read_count; one++)
      if (fscanf(file, "read %d %lx %ld %u ", &one->base, &one->value, &one->offset, &one->length) != 4) fail("plan");
    site++;
  }
  site_count = site - sites;
  fclose(file);
  snprintf(loaded, sizeof loaded, "%s", path);
}

// The floor: what the kernel takes to start the program and run it to its end.
static uint64_t spawn(void) {
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  for (int fd = 0; fd < 3; fd++) posix_spawn_file_actions_addopen(&actions, fd, "/dev/null", O_RDWR, 0);
  const uint64_t start = now(CLOCK_MONOTONIC);
  pid_t pid;
  if (posix_spawn(&pid, command[0], &actions, NULL, command, environ) != 0) fail("posix_spawn");
  waitpid(pid, NULL, 0);
  const uint64_t end = now(CLOCK_MONOTONIC);
  posix_spawn_file_actions_destroy(&actions);
  return end - start;
}

// Shares our memory until it execs, so that its cost does not grow with ours.
static int child(void* gate) {
  char go;
  const int null = open("/dev/null", O_RDWR);
  for (int fd = 0; fd < 3; fd++) dup2(null, fd);
  close(null);
  if (read(*(int*)gate, &go, 1) == 1) {
    kill(getpid(), SIGSTOP);
    execve(command[0], command, environ);
  }
  _exit(127);
}

static pid_t launch(void) {
  static uint8_t stack[STACK] __attribute__((aligned(16)));
  int gate[2];
  if (pipe2(gate, O_CLOEXEC) < 0) fail("pipe2");
  const pid_t pid = clone(child, stack + STACK, CLONE_VM | SIGCHLD, &gate[0]);
  if (pid < 0) fail("clone");
  const long options = PTRACE_O_TRACEEXEC | PTRACE_O_TRACECLONE | PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL;
  if (ptrace(PTRACE_SEIZE, pid, 0, options) < 0) fail("PTRACE_SEIZE");
  if (write(gate[1], "", 1) != 1) fail("write");
  close(gate[0]);
  close(gate[1]);
  return pid;
}

static int open_proc(pid_t pid, const char* name, int flags) {
  char path[64];
  snprintf(path, sizeof path, "/proc/%d/%s", pid, name);
  return open(path, flags | O_CLOEXEC);
}

static void take_all(int file) {
  for (off_t at = 0, n; (n = pread(file, taken, 16384, at)) > 0;) at += n;
}

static void arm(struct breakpoint* one) {
  pread(memory, &one->saved, 1, one->address);
  one->armed = pwrite(memory, "\xcc", 1, one->address) == 1;
}

static void disarm(struct breakpoint* one) {
  pwrite(memory, &one->saved, 1, one->address);
  one->armed = false;
}

static void add_breakpoint(uint64_t address, int site) {
  struct breakpoint* one = &breakpoints[breakpoint_count++];
  *one = (struct breakpoint){.address = address, .site = site};
}

static int by_address(const void* a, const void* b) {
  const uint64_t left = ((const struct breakpoint*)a)->address, right = ((const struct breakpoint*)b)->address;
  return left < right ? -1 : left > right;
}

// One write for each page that holds breakpoints.
static void arm_all(void) {
  planned_count = breakpoint_count;
  qsort(breakpoints, breakpoint_count, sizeof breakpoints[0], by_address);
  for (int i = 0, end; i < breakpoint_count; i = end) {
    uint8_t bytes[4096];
    const uint64_t first = breakpoints[i].address;
    for (end = i; end < breakpoint_count && breakpoints[end].address >> 12 == first >> 12;) end++;
    const size_t length = breakpoints[end - 1].address + 1 - first;
    pread(memory, bytes, length, first);
    for (int k = i; k < end; k++) {
      uint8_t* at = &bytes[breakpoints[k].address - first];
      breakpoints[k].saved = *at;
      breakpoints[k].armed = true;
      *at = 0xcc;
    }
    pwrite(memory, bytes, length, first);
  }
}

static struct breakpoint* find_breakpoint(uint64_t address) {
  const struct breakpoint key = {.address = address};
  struct breakpoint* found = bsearch(&key, breakpoints, planned_count, sizeof key, by_address);
  for (int i = planned_count; found == NULL && i < breakpoint_count; i++)
    if (breakpoints[i].address == address) found = &breakpoints[i];
  return found != NULL && found->armed ? found : NULL;
}

static void get_registers(pid_t tid, struct user_regs_struct* into) {
  struct iovec vector = {into, sizeof *into};
  ptrace(PTRACE_GETREGSET, tid, NT_PRSTATUS, &vector);
}

static void on_exec(pid_t pid) {
  close(memory);
  close(maps);
  memory = open_proc(pid, "mem", O_RDWR);
  maps = open_proc(pid, "maps", O_RDONLY);
  Elf64_auxv_t auxv[64];
  const int file = open_proc(pid, "auxv", O_RDONLY);
  const ssize_t length = read(file, auxv, sizeof auxv);
  close(file);
  for (size_t i = 0; i < length / sizeof auxv[0]; i++)
    if (auxv[i].a_type == AT_ENTRY) bias = auxv[i].a_un.a_val - planned_entry;
  struct user_regs_struct registers;
  get_registers(pid, &registers);
  pread(memory, taken, 65536, registers.rsp);
  take_all(maps);
  breakpoint_count = 0;
  for (int i = 0; i < site_count; i++)
    if (sites[i].address != 0) add_breakpoint(sites[i].address + bias, i);
  arm_all();
}

static void take_reads(const struct site* site, const struct user_regs_struct* registers) {
  uint64_t values[MOST_READS] = {0};
  for (int i = 0; i < site->read_count; i++) {
    const struct read* one = &site->reads[i];
    const uint64_t base = one->base == 0   ? ((const uint64_t*)registers)[one->value]
                          : one->base == 1 ? one->value + bias
                                           : values[one->value];
    if (base != 0) pread(memory, taken, one->length, base + one->offset);
    memcpy(&values[i], taken, 8);
  }
}

// linux include/linux/posix-timers_types.h: a thread's clock of scheduled time.
static clockid_t thread_clock(pid_t tid) { return (clockid_t)((~(unsigned)tid << 3) | 6); }

static void resume(int request, pid_t tid, int signal, bool near) {
  cpu_set_t own;
  const bool narrow = near && sched_getaffinity(tid, sizeof own, &own) == 0 && CPU_COUNT(&own) > 1 &&
                      sched_setaffinity(tid, sizeof one_core, &one_core) == 0;
  ptrace(request, tid, 0, signal);
  if (narrow) sched_setaffinity(tid, sizeof own, &own);
}

// True at the last stop: the target is left as it stands.
static bool on_breakpoint(pid_t pid, pid_t tid, struct user_regs_struct* registers, struct breakpoint* hit) {
  const struct site* site = &sites[hit->site];
  (void)now((clockid_t)((~(unsigned)pid << 3) | 2));
  (void)now(thread_clock(tid));
  registers->rip = hit->address;
  ptrace(PTRACE_POKEUSER, tid, offsetof(struct user_regs_struct, rip), hit->address);
  take_reads(site, registers);
  if (site->flags & TAKE_MAPS) take_all(maps);
  disarm(hit);
  if (site->arm_return >= 0) {
    uint64_t address = 0;
    pread(memory, &address, 8, registers->rsp);
    add_breakpoint(address, site->arm_return);
    arm(&breakpoints[breakpoint_count - 1]);
  }
  return (site->flags & LAST) != 0;
}

static void forget(pid_t tid) {
  for (int i = 0; i < thread_count; i++)
    if (threads[i] == tid) threads[i--] = threads[--thread_count];
}

// Every thread but `stopped` is interrupted and waited for; then all go their way with no breakpoint left.
static void detach(pid_t stopped) {
  bool there[MOST_THREADS] = {false};
  for (int i = 0; i < thread_count; i++) {
    there[i] = threads[i] == stopped;
    if (!there[i] && ptrace(PTRACE_INTERRUPT, threads[i], 0, 0) < 0) there[i] = true;
  }
  for (int i = 0; i < thread_count; i++) {
    int status;
    while (!there[i] && waitpid(threads[i], &status, __WALL) > 0 && WIFSTOPPED(status)) {
      there[i] = status >> 16 == PTRACE_EVENT_STOP;
      if (!there[i]) ptrace(PTRACE_CONT, threads[i], 0, status >> 16 == 0 ? WSTOPSIG(status) : 0);
    }
  }
  for (int i = 0; i < breakpoint_count; i++)
    if (breakpoints[i].armed) disarm(&breakpoints[i]);
  for (int i = 0; i < thread_count; i++) ptrace(PTRACE_DETACH, threads[i], 0, 0);
}

static void follow_to_last_stop(pid_t pid, bool near, int* stops, pid_t* last) {
  enum { STARTING, ENTERING, INSIDE, RETURNING, RUNNING } phase = STARTING;
  int status;
  struct rusage usage;
  for (pid_t tid; (tid = wait4(-1, &status, __WALL, &usage)) > 0;) {
    if (WIFEXITED(status) || WIFSIGNALED(status)) {
      forget(tid);
      continue;
    }
    const int event = status >> 16, signal = WSTOPSIG(status);
    int pass_on = 0, request = PTRACE_CONT;
    bool here = near;
    struct user_regs_struct registers;
    struct breakpoint* hit = NULL;
    if (signal == SIGTRAP && event == 0 && phase == RUNNING) {
      get_registers(tid, &registers);
      hit = find_breakpoint(registers.rip - 1);
    }
    if (hit != NULL) {
      ++*stops;
      here = near && (sites[hit->site].flags & KEEP_MASK) == 0;
      *last = tid;
      if (on_breakpoint(pid, tid, &registers, hit)) return;
    } else if (phase == STARTING && signal == SIGSTOP && event == 0) {
      phase = ENTERING;
      request = PTRACE_SYSCALL;
    } else if (signal == (SIGTRAP | 0x80) && phase != RUNNING) {
      ++*stops;
      request = phase == ENTERING ? PTRACE_SYSCALL : PTRACE_CONT;
      phase = phase == ENTERING ? INSIDE : RUNNING;
    } else if (event == PTRACE_EVENT_EXEC) {
      ++*stops;
      if (near) sched_setaffinity(tid, sizeof every_core, &every_core);
      on_exec(tid);
      phase = RETURNING;
      request = PTRACE_SYSCALL;
    } else if (event == PTRACE_EVENT_CLONE) {
      ++*stops;
      unsigned long born;
      ptrace(PTRACE_GETEVENTMSG, tid, 0, &born);
      threads[thread_count++] = (pid_t)born;
      if (near) sched_setaffinity((pid_t)born, sizeof every_core, &every_core);
      here = false;
    } else if (event == 0) {
      pass_on = signal;
    }
    resume(request, tid, pass_on, here);
  }
}

static uint64_t trace(bool near, bool run, int* stops) {
  const uint64_t start = now(CLOCK_MONOTONIC);
  if (near) {
    sched_getaffinity(0, sizeof every_core, &every_core);
    CPU_ZERO(&one_core);
    CPU_SET(sched_getcpu(), &one_core);
    sched_setaffinity(0, sizeof one_core, &one_core);
  }
  const pid_t pid = launch();
  threads[0] = pid;
  thread_count = 1;
  pid_t last = pid;
  follow_to_last_stop(pid, near, stops, &last);
  if (run)
    detach(last);
  else
    kill(pid, SIGKILL);
  while (waitpid(-1, NULL, __WALL) > 0 || errno == EINTR) continue;
  const uint64_t end = now(CLOCK_MONOTONIC);
  if (near) sched_setaffinity(0, sizeof every_core, &every_core);
  return end - start;
}

int main(int argc, char** argv) {
  if (argc < 2) return 2;
  command = argv + 1;
  static char line[8192];
  while (fgets(line, sizeof line, stdin) != NULL) {
    char path[4096], place[16], then[16];
    int stops = 0;
    uint64_t ns = 0;
    if (sscanf(line, "trace %4095s %15s %15s", path, place, then) == 3) {
      load_plan(path);
      ns = trace(strcmp(place, "near") == 0, strcmp(then, "run") == 0, &stops);
    } else if (strcmp(line, "spawn\n") == 0) {
      ns = spawn();
    } else {
      for (;;) continue;
    }
    printf("%llu %d\n", (unsigned long long)ns, stops);
    fflush(stdout);
  }
  return 0;
}
