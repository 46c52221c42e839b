// What differs by machine, behind one small interface: registers, the breakpoint instruction, raw system calls.
// To add a machine, write a header with the same names as x86_64.h and select it here.
#pragma once

#if defined(__x86_64__)
#include "x86_64.h"
#else
#error "premain's tracer supports x86-64; add native/arch/<machine>.h"
#endif
