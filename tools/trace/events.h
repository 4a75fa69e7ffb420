/* SPDX-License-Identifier: MIT
 * The table of lib/trace_events.h taken apart: the names and types of what an event carries. */
#ifndef TOOLS_TRACE_EVENTS_H
#define TOOLS_TRACE_EVENTS_H

#include "lib/trace_events.h"

enum { FIELD_NAME = 16, FLAGS_MAX = 8 };

struct event_field {
    char name[FIELD_NAME];
    char type;            /* of a word: as in the table */
    uint8_t shift, width; /* of a flag: its bits */
};

struct event_shape {
    const char *name;
    char class_name[FIELD_NAME];
    uint32_t class;
    uint32_t flag_count, field_count;
    struct event_field flags[FLAGS_MAX], fields[TRACE_ARGS];
};

extern struct event_shape event_shapes[EVENT_KINDS];
void events_init(void);

/* => EVENT_KINDS if there is none of that name */
uint32_t event_kind_named(const char *name, size_t len);

static inline uint32_t event_flag(const struct trace_event *e, const struct event_field *flag)
{
    return (uint32_t)e->flags >> flag->shift & ((1u << flag->width) - 1);
}

static inline bool event_has_text(const struct event_shape *s)
{
    return s->field_count > 0 && s->fields[0].type == 't';
}

/* Its text, which ends with a zero. => whether the text goes on in the next event, if that is of the same
 * kind and pid */
bool event_text(const struct trace_event *e, char text[TRACE_TEXT + 1]);

/* A frame or slot that is none? */
static inline bool event_none(char type, uint32_t word)
{
    return (type == 'f' || type == 's') && word == UINT32_MAX;
}

/* The arguments and flags of faults and references. */
enum { FAULT_VA, FAULT_IP, FAULT_FRAME, FAULT_SLOT, FAULT_TICKS };
enum { FAULT_CASE = 7, FAULT_WRITE = 8, FAULT_MAJOR = 32, FAULT_REFUSED = 64, FAULT_CASES = 8 };
enum { REF_WRITE = 1 };
extern const char *const fault_case_names[FAULT_CASES];

/* A page of somebody: pid and page number in one. */
enum { OFFSET_BITS = 12, NUMBER_BITS = 32 - OFFSET_BITS };
static inline uint64_t page_key(uint32_t pid, uint32_t va)
{
    return (uint64_t)pid << NUMBER_BITS | va >> OFFSET_BITS;
}
static inline uint32_t key_pid(uint64_t key)
{
    return (uint32_t)(key >> NUMBER_BITS);
}
static inline uint32_t key_va(uint64_t key)
{
    return (uint32_t)(key << OFFSET_BITS);
}

/* The name of a Linux i386 system call. => NULL: not one that the kernel knows */
const char *syscall_name(uint32_t nr);

#endif
