/* SPDX-License-Identifier: MIT
 * The tracepoints, one line each, and the format of a trace: the kernel writes it, build/trace reads it. */
#ifndef LIB_TRACE_EVENTS_H
#define LIB_TRACE_EVENTS_H

#include "lib/log.h"

/* Classes of events. Those that the log has too mean the same; the others are too many for a log. */
enum trace_class {
    TRACE_PROC = LOG_PROC,
    TRACE_FAULT = LOG_FAULT,
    TRACE_EVICT = LOG_EVICT,
    TRACE_SWAP = LOG_SWAP,
    TRACE_SYS = LOG_SYS,
    TRACE_EXPLAIN = LOG_EXPLAIN,
    TRACE_MOVE = LOG_MOVE,
    TRACE_ALLOC = 1u << 16, /* frames that the buddy system gives and takes back */
    TRACE_MAP = 1u << 17,   /* PTEs that become present, and that end */
    TRACE_TLB = 1u << 18,   /* translations that are thrown away */
    TRACE_SCHED = 1u << 19, /* context switches */
    TRACE_REF = 1u << 20,   /* references that an exact region sees */
};

#define TRACE_EXTRA (TRACE_ALLOC | TRACE_MAP | TRACE_TLB | TRACE_SCHED | TRACE_REF)
#define TRACE_ALL                                                                                   \
    (TRACE_PROC | TRACE_FAULT | TRACE_EVICT | TRACE_SWAP | TRACE_SYS | TRACE_EXPLAIN | TRACE_MOVE | \
     TRACE_EXTRA)
#define TRACE_STANDARD (TRACE_PROC | TRACE_FAULT | TRACE_EVICT | TRACE_SWAP)

/* X(KIND, name, class, flags, fields)
 *
 * flags name the bits of `flags`, lowest first: `write` is one bit, `case:3` a number of three bits. fields
 * name the words of `arg` with what they are:
 *   x  an address, or other hexadecimal number     f  a frame; all ones: none
 *   u  a number                                    s  a slot; all ones: none
 *   i  a number with a sign                        t  text, up to 20 bytes, padded with NUL, in all five
 * words `pid` of an event is who did it, for map, unmap and evict whose page it is. */
#define TRACE_EVENTS(X)                                                                                     \
    X(START, "start", TRACE_PROC, "", "t") /* also when it was forked, and when it runs another program */  \
    X(EXIT, "exit", TRACE_PROC, "killed", "status:i") /* status: of its exit, or the signal */              \
    X(FAULT, "fault", TRACE_FAULT, "case:3 write exec major refused", "va:x ip:x frame:f slot:s ticks:u")   \
    X(PICK, "pick", TRACE_EXPLAIN, "accessed dirty", "owner:u page:x frame:f ru_owner:u ru_page:x")         \
    X(WHY, "why", TRACE_EXPLAIN, "", "t") /* after a pick: the policy's reason, in as many as it takes */   \
    X(EVICT, "evict", TRACE_EVICT, "dirty", "va:x frame:f slot:s")                                          \
    X(SWAP_OUT, "swap-out", TRACE_SWAP, "", "slot:s frame:f")                                               \
    X(SWAP_IN, "swap-in", TRACE_SWAP, "", "slot:s frame:f")                                                 \
    X(ALLOC, "alloc", TRACE_ALLOC, "order:4 user", "frame:f")                                               \
    X(FREE, "free", TRACE_ALLOC, "order:4 user", "frame:f")                                                 \
    X(MAP, "map", TRACE_MAP, "write dirty large", "va:x frame:f")                                           \
    X(UNMAP, "unmap", TRACE_MAP, "accessed dirty", "va:x frame:f slot:s") /* slot: what the PTE says now */ \
    X(FLUSH, "tlb-flush", TRACE_TLB, "all", "va:x")                                                         \
    X(SWITCH, "switch", TRACE_SCHED, "", "to:u")                                                            \
    X(SYSCALL, "syscall", TRACE_SYS, "", "nr:u a:x b:x c:x d:x")                                            \
    X(SYSRET, "sysret", TRACE_SYS, "", "nr:u result:i") /* not of a call that never returns */              \
    X(MOVE, "move", TRACE_MOVE, "", "va:x from:f to:f")                                                     \
    X(REF, "ref", TRACE_REF, "write", "va:x")

enum trace_kind {
#define X(KIND, name, class, flags, fields) EVENT_##KIND,
    TRACE_EVENTS(X)
#undef X
        EVENT_KINDS
};

enum { TRACE_ARGS = 5, TRACE_TEXT = TRACE_ARGS * 4 };

/* All numbers little-endian. */
struct trace_event {
    uint64_t ticks; /* TSC, when it ended */
    uint8_t kind;   /* enum trace_kind */
    uint8_t flags;
    uint16_t pid; /* 0: nobody's, or the kernel's own */
    uint32_t arg[TRACE_ARGS];
};

/* A trace is a row of chunks, each a header of the size of an event and `count` events. */
struct trace_header {
    uint32_t magic;
    uint16_t version, count;
    uint32_t sequence; /* of the chunk, from 0; a gap means that chunks are missing */
    uint32_t lost;     /* events lost before this chunk's first, since tracing began */
    uint32_t khz;      /* ticks in a millisecond */
    uint32_t unused;
    uint64_t boot_ticks; /* the TSC at time 0 of the log */
};

enum { TRACE_MAGIC = 0x52544c46 /* "FLTR" */, TRACE_VERSION = 1 };
enum { TRACE_CHUNK_BYTES = 16384, TRACE_CHUNK_EVENTS = TRACE_CHUNK_BYTES / 32 - 1 };

struct trace_chunk {
    struct trace_header header;
    struct trace_event events[TRACE_CHUNK_EVENTS];
};

_Static_assert(sizeof(struct trace_event) == 32, "an event has 32 bytes on every machine");
_Static_assert(sizeof(struct trace_chunk) == TRACE_CHUNK_BYTES, "a chunk is full");

#endif
