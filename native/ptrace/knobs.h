// Named points at which a native test may step in, to force what otherwise only bad luck brings about. The addon is
// built without PREMAIN_KNOBS: there each of these is an empty inline function.
#pragma once

#include <sys/types.h>

namespace premain::knobs {

enum class Point {
  Cloned,       // the child exists and has not been seized
  Launched,     // it runs towards its execve, and nobody else knows its id yet
  Wait,         // the tracer is about to wait for the next event
  Stopped,      // a thread has stopped, and nothing has been asked of it
  Interrupted,  // every running thread has been asked to stop, none has been waited for
  Disarmed,     // a thread stands on a breakpoint that was just taken out
  Step,         // all are stopped, one is about to run the instruction under its breakpoint
  Held,         // the target is held, its record not yet delivered
  Ending,       // nobody has been killed yet
  Detaching,    // the bytes are restored, no thread is detached
};

#ifdef PREMAIN_KNOBS

class Hooks {
 public:
  virtual ~Hooks() = default;
  // On the tracer thread. `id`: the thread it is about, or 0.
  virtual void at(Point point, pid_t id) = 0;
  // Whom the tracer waits for next instead of for anyone, or -1.
  virtual pid_t next() { return -1; }
};

// Set while no session runs.
inline Hooks* hooks = nullptr;

inline void reached(Point point, pid_t id = 0) {
  if (hooks != nullptr) hooks->at(point, id);
}
inline pid_t next() { return hooks == nullptr ? -1 : hooks->next(); }

#else

inline void reached(Point, pid_t = 0) {}
inline pid_t next() { return -1; }

#endif

}  // namespace premain::knobs
