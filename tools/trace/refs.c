/* SPDX-License-Identifier: MIT
 * The references of a trace, for cache simulators: libCacheSim's formats, which build/sim reads too. What an
 * exact region saw is a reference, ref; a trace without any has only faults, the references that missed. All
 * stay in memory, because each one names the next to its page. */
#include "tools/trace/output.h"
#include "tools/trace/pages.h"
#include <inttypes.h>
#include <stdlib.h>

struct reference {
    uint64_t object; /* page_key */
    bool write;
};

static struct reference *refs;
static uint32_t count, room;
static bool exact;
static struct pages pages;

static void add(uint64_t object, bool write)
{
    enum { FIRST_ROOM = 1 << 16 };
    if (count == room) {
        if (room > UINT32_MAX / 2)
            die(TRACE_FAILED, "more than %u references", room);
        room = room != 0 ? room * 2 : FIRST_ROOM;
        refs = host_array(refs, count, room, sizeof refs[0]);
    }
    refs[count++] = (struct reference){object, write};
}

static void refs_event(struct out *o UNUSED, struct reader *r UNUSED, const struct trace_event *e)
{
    if (e->kind == EVENT_REF) {
        if (!exact)
            count = 0; /* faults that came before do not count any more */
        exact = true;
        add(page_key(e->pid, e->arg[0]), e->flags & REF_WRITE);
    } else if (e->kind == EVENT_FAULT && !exact && !(e->flags & FAULT_REFUSED)) {
        add(page_key(e->pid, e->arg[FAULT_VA]), e->flags & FAULT_WRITE);
    }
}

static void refs_said(const struct reader *r)
{
    if (count == 0)
        die(TRACE_FAILED, "%s: no references in it: expected ref events or faults", r->path);
    if (exact)
        warn("%s: %u references that exact regions saw", r->path, count);
    else
        warn("%s: no ref events (trace class ref, programs in exact mode): the references are its %u faults",
             r->path, count);
}

/* A record of libCacheSim's oracleGeneral, little endian. */
struct record {
    uint32_t time;
    uint64_t object;
    uint32_t size; /* readers leave out objects of size 0 */
    int64_t next;  /* number of the next request for the object, counted from 1; -1: none */
} __attribute__((packed));

static void oracle_end(struct out *o, struct reader *r)
{
    refs_said(r);
    uint32_t *next = host_array(NULL, 0, count, sizeof *next);
    for (uint32_t i = count; i-- > 0;) {
        struct page *p = page_of_key(&pages, refs[i].object);
        next[i] = p->number; /* 0: none */
        p->number = i + 1;
    }
    for (uint32_t i = 0; i < count; i++) {
        struct record record = {i, refs[i].object, 1, next[i] != 0 ? (int64_t)next[i] : -1};
        out_bytes(o, &record, sizeof record);
    }
    free(next);
}

static void txt_end(struct out *o, struct reader *r)
{
    refs_said(r);
    for (uint32_t i = 0; i < count; i++)
        print(&o->to, "%" PRIu64 "\n", refs[i].object);
}

static void refcsv_end(struct out *o, struct reader *r)
{
    refs_said(r);
    out_text(o, "time,obj_id,size,op\n");
    for (uint32_t i = 0; i < count; i++)
        print(&o->to, "%u,%" PRIu64 ",1,%c\n", i, refs[i].object, refs[i].write ? 'w' : 'r');
}

const struct output output_oracle = {
    .name = "oracle",
    .summary = "libCacheSim's oracleGeneral: the references in records of 24 bytes",
    .event = refs_event,
    .end = oracle_end,
};
const struct output output_txt = {
    .name = "txt",
    .summary = "libCacheSim's txt: a line for each reference, pid and page as one number",
    .event = refs_event,
    .end = txt_end,
};
const struct output output_refcsv = {
    .name = "refcsv",
    .summary = "libCacheSim's csv: the references as time,obj_id,size,op",
    .event = refs_event,
    .end = refcsv_end,
};
