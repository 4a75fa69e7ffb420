/* SPDX-License-Identifier: MIT
 * mm-level: 7.9
 * Faults as people read them: the line in the log, the last ones for a panic, and how a fault ended. */
#include "mm/fault_log.h"
#include "lib/log.h"
#include "lib/string.h"
#include "lib/trace.h"
#include "mm/histograms.h"

struct fault_record fault_history[FAULT_HISTORY];
uint32_t fault_history_next;

static void describe(const struct fault_record *r, char *text, size_t size)
{
    char frame[16] = "none", slot[16] = "none";
    if (r->frame != UINT32_MAX)
        format(frame, sizeof frame, "%#x", r->frame);
    if (slot_valid(r->slot))
        format(slot, sizeof slot, "%u", r->slot.n);
    format(text, size, "fault pid=%u va=0x%08x ip=0x%08x access=%s case=%u %s frame=%s slot=%s", r->pid,
           r->va, r->ip,
           r->access & VM_WRITE  ? "write"
           : r->access & VM_EXEC ? "exec"
                                 : "read",
           r->kase, r->what, frame, slot);
    if (r->order > 0)
        format(text + strlen(text), size - strlen(text), " order=%u", r->order);
}

void fault_history_print(struct printer *out)
{
    for (uint32_t i = 0; i < FAULT_HISTORY; i++) {
        const struct fault_record *r = &fault_history[(fault_history_next + i) % FAULT_HISTORY];
        char text[160];
        if (r->what == NULL)
            continue;
        describe(r, text, sizeof text);
        print(out, "  %s\n", text);
    }
}

static void log_fault(const struct fault_record *r, uint32_t ticks)
{
    char text[160];
    describe(r, text, sizeof text);
    log_event(LOG_FAULT, "%s ticks=%u", text, ticks);
}

static uint32_t trace_flags(const struct fault_record *r, bool major, bool resolved)
{
    enum { WRITE = 8, EXEC = 16, MAJOR = 32, REFUSED = 64 };
    return r->kase | (r->access & VM_WRITE ? WRITE : 0) | (r->access & VM_EXEC ? EXEC : 0) |
           (major ? MAJOR : 0) | (resolved ? 0 : REFUSED);
}

static void collect(const struct fault_record *r, bool major, uint32_t ticks)
{
    histograms_fault(r->kase, major, ticks);
    if (major)
        histograms_refault(r->frame, r->slot);
}

void fault_seen(const struct fault_record *r, bool major, bool resolved, uint64_t ticks)
{
    uint32_t cost = (uint32_t)MIN(ticks, (uint64_t)UINT32_MAX); /* a second and a half at 3 GHz, or more */
    if (histograms.on)
        collect(r, major && resolved, cost);
    if (log_on(LOG_FAULT))
        log_fault(r, cost);
    TRACE(FAULT, trace_flags(r, major, resolved), r->pid, r->va, r->ip, r->frame, r->slot.n, cost);
}

const char *vm_result_name(enum vm_result r)
{
    switch (r) {
    case VM_OK:
        return "ok";
    case VM_NO_REGION:
        return "nothing is mapped there";
    case VM_FORBIDDEN:
        return "the region does not allow it";
    case VM_BEYOND:
        return "beyond the end of the mapped file";
    case VM_NO_MEMORY:
        return "out of memory";
    case VM_NO_SWAP:
        return "out of memory and swap";
    case VM_IO_ERROR:
        return "the swap disk failed";
    case VM_CORRUPT:
        return "the swap disk returned corrupt data";
    case VM_EXISTS:
        return "the range is taken";
    case VM_INVALID:
        return "invalid arguments";
    }
    return "?";
}
