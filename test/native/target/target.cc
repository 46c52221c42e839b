// What the native tests trace: a program that does what its first argument says, and exits with 7.
#include <pthread.h>
#include <signal.h>
#include <sys/auxv.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstring>

#define BREAKPOINT extern "C" __attribute__((noinline, noclone)) void

namespace {
volatile int calls = 0;
}

BREAKPOINT once() { calls = calls + 1; }
BREAKPOINT refused() { calls = calls + 2; }
BREAKPOINT last() { calls = calls + 3; }

namespace {

char* program;

void* work(void*) {
  once();
  refused();
  return nullptr;
}

void* exec_when_told(void*) {
  char told;
  if (read(0, &told, 1) >= 0) execl(program, program, "quiet", nullptr);
  _exit(1);
}

pthread_t start(void* (*what)(void*)) {
  pthread_t thread;
  int error;
  do {
    error = pthread_create(&thread, nullptr, what, nullptr);
  } while (error == EAGAIN);  // so while another thread executes
  if (error != 0) _exit(1);
  return thread;
}

// Threads, a fork, a vfork child that executes, one that does not, a signal; every breakpoint.
void everything() {
  signal(SIGUSR1, [](int) {});
  const pthread_t threads[] = {start(work), start(work)};
  const pid_t forked = fork();
  if (forked == 0) {
    work(nullptr);
    _exit(0);
  }
  pid_t child = vfork();
  if (child == 0) {
    execl(program, program, "quiet", nullptr);
    _exit(1);
  }
  raise(SIGUSR1);
  for (const pthread_t thread : threads) pthread_join(thread, nullptr);
  waitpid(forked, nullptr, 0);
  waitpid(child, nullptr, 0);
  child = vfork();
  if (child == 0) {
    work(nullptr);
    _exit(0);
  }
  waitpid(child, nullptr, 0);
  last();
}

// One thread executes another image when told to, beside one that runs into breakpoints.
void exec_beside() {
  start(exec_when_told);
  pthread_join(start(work), nullptr);
  for (;;) pause();
}

}  // namespace

int main(int, char** argv) {
  program = argv[0];
  const char* what = argv[1];
  if (strcmp(what, "addresses") == 0) {
    printf("%lx %lx %lx %lx\n", getauxval(AT_ENTRY), reinterpret_cast<uintptr_t>(once),
           reinterpret_cast<uintptr_t>(refused), reinterpret_cast<uintptr_t>(last));
    return 0;
  }
  if (strcmp(what, "deathsig") == 0) {
    int signal = -1;
    prctl(PR_GET_PDEATHSIG, &signal);
    return signal;
  }
  if (strcmp(what, "everything") == 0) everything();
  if (strcmp(what, "exec") == 0) exec_beside();
  if (strcmp(what, "stop") == 0) raise(SIGSTOP);
  return 7;
}
