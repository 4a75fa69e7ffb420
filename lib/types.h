/* SPDX-License-Identifier: MIT
 * Basic types and macros that every folder may use, in the kernel, in user programs and on the host. */
#ifndef LIB_TYPES_H
#define LIB_TYPES_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ARRAY_SIZE(a)            (sizeof(a) / sizeof((a)[0]))
#define container_of(p, type, m) ((type *)((uintptr_t)(p)-offsetof(type, m)))
#define ALIGN_DOWN(x, a)         ((x) & ~((a)-1))
#define ALIGN_UP(x, a)           ALIGN_DOWN((x) + ((a)-1), a)
#define MIN(a, b)                ((a) < (b) ? (a) : (b))
#define MAX(a, b)                ((a) > (b) ? (a) : (b))

#define likely(x)      __builtin_expect(!!(x), 1)
#define unlikely(x)    __builtin_expect(!!(x), 0)
#define MUST_CHECK     __attribute__((warn_unused_result))
#define NORETURN       __attribute__((noreturn))
#define UNUSED         __attribute__((unused))
#define NOINLINE       __attribute__((noinline))
#define ALWAYS_INLINE  inline __attribute__((always_inline))
#define PRINTF_LIKE(f) __attribute__((format(__printf__, f, (f) + 1)))

/* Linker sets: objects gathered by the linker into one array per set name, so that a module registers
 * a command or a test beside its own code and no central table has to know it. */
#define LINKER_SET_ENTRY(set) __attribute__((section(#set), used, aligned(sizeof(void *))))
#define LINKER_SET_DECLARE(type, set)                  \
    extern type __start_##set[] __attribute__((weak)); \
    extern type __stop_##set[] __attribute__((weak))

#endif
