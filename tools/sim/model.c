/* SPDX-License-Identifier: MIT
 * The model of one pool. */
#include "tools/sim/model.h"
#include "lib/panic.h"
#include "tools/sim/sim.h"
#include <stdio.h>
#include <stdlib.h>

/* There are more frames than may be used, in turns, so that a policy which picks a page that has left is
 * found out before another page is there. */
enum { SPARES = 8 };
enum { ACCESSED = 1, DIRTY = 2 };  /* a frame's bits, as a PTE has them */
enum { NOWHERE = UINT32_MAX };     /* of a page: not resident */
static const uint32_t process = 1; /* the owner of every page */

struct frame *frame_table;
uint32_t frame_table_count;
static uint8_t *frame_bits; /* beside the frames, so that a hit reads one byte of them and no more */

struct model {
    const struct policy *policy;
    void *state;
    const struct model_options *options;
    uint32_t *where; /* by page: its frame, or NOWHERE */
    uint32_t frames; /* that may be used at a time; fewer than the policy was told if there are fewer pages */
    uint32_t resident; /* frames in use */
    uint32_t last;     /* frame that the last miss filled */
    uint32_t spare[SPARES], next_spare;
    struct oracle oracle;
    struct model_result result;
};

static const struct model *running; /* for messages */

bool policy_test_clear_accessed(struct frame *f)
{
    uint8_t *bits = &frame_bits[f - frame_table];
    bool accessed = *bits & ACCESSED;
    *bits &= (uint8_t)~ACCESSED;
    return accessed;
}

bool policy_accessed(const struct frame *f)
{
    return frame_bits[f - frame_table] & ACCESSED;
}

bool policy_dirty(const struct frame *f)
{
    return frame_bits[f - frame_table] & DIRTY;
}

struct page_id policy_page(const struct frame *f)
{
    return (struct page_id){process, f->index};
}

/* ---- what policies do wrong ---- */

void panic(const char *fmt, ...)
{
    char text[200];
    va_list ap;
    va_start(ap, fmt);
    vformat(text, sizeof text, fmt, ap);
    va_end(ap);
    die(SIM_FAILED, "panic in policy %s: %s", running != NULL ? running->policy->name : "?", text);
}

static NORETURN void broken(const struct model *m, const char *what)
{
    die(SIM_FAILED, "policy %s, %u frames, reference %u: %s", m->policy->name, m->frames, m->oracle.now,
        what);
}

static void verify_pick(const struct model *m, const struct frame *f)
{
    if (f == NULL)
        broken(m, "picked nobody, though it holds pages");
    uintptr_t offset = (uintptr_t)f - (uintptr_t)frame_table;
    if (f < frame_table || f >= frame_table + frame_table_count || offset % sizeof *f != 0)
        broken(m, "picked what is no frame of the pool");
    if (!(f->flags & FRAME_QUEUED))
        broken(m, "picked a frame that is not resident");
}

static void discard(struct printer *to UNUSED, const char *text UNUSED, size_t len UNUSED)
{
}

static void verify_reasons(const struct model *m, struct frame *victim)
{
    struct printer nobody = {discard};
    if (m->policy->explain == NULL)
        return;
    struct frame *second = m->policy->explain(m->state, victim, &nobody);
    if (second == victim)
        broken(m, "its runner-up is the victim itself");
    if (second != NULL)
        verify_pick(m, second);
}

static void verify_state(const struct model *m)
{
    uint32_t held = m->policy->check(m->state, &to_stderr);
    if (held == UINT32_MAX)
        broken(m, "its own check fails");
    if (held != m->resident)
        broken(m, "it holds more or fewer frames than are resident");
}

/* ---- a reference ---- */

/* => a frame for the page that comes in */
static uint32_t make_room(struct model *m, bool check)
{
    struct frame *victim = m->policy->pick_victim(m->state);
    verify_pick(m, victim);
    if (unlikely(check))
        verify_reasons(m, victim);
    m->policy->removed(m->state, victim, true);
    uint32_t number = (uint32_t)(victim - frame_table);
    victim->flags = 0;
    m->where[victim->index] = NOWHERE;
    m->result.writebacks += (frame_bits[number] & DIRTY) != 0;
    uint32_t *spare = &m->spare[m->next_spare++ % SPARES], room = *spare;
    *spare = number;
    return room;
}

static void miss(struct model *m, uint32_t page, bool write, bool check)
{
    if (m->options->deferred && m->resident > 0)
        frame_bits[m->last] &= (uint8_t)~ACCESSED;
    if (m->policy->missed != NULL)
        m->policy->missed(m->state, (struct page_id){process, page});
    uint32_t number = m->resident < m->frames ? m->resident++ : make_room(m, check);
    struct frame *f = &frame_table[number];
    frame_bits[number] = 0;
    f->index = page;
    f->flags = FRAME_QUEUED;
    m->where[page] = number;
    m->policy->inserted(m->state, f);
    frame_bits[number] |= (uint8_t)(ACCESSED | (write ? DIRTY : 0));
    m->last = number;
    m->result.faults++;
}

static void play(struct model *m, const struct trace *t)
{
    bool sees_all = !m->options->sampled || m->policy->needs != 0;
    void (*touched)(void *, struct frame *) = sees_all ? m->policy->touched : NULL;
    uint32_t every = m->options->check, until_check = every;
    for (uint32_t i = 0; i < t->count; i++) {
        uint32_t page = trace_page(t, i), number = m->where[page];
        bool write = trace_written(t, i), check = false;
        m->oracle.now = i;
        if (unlikely(every > 0) && --until_check == 0) {
            until_check = every;
            check = true;
            verify_state(m);
        }
        if (number == NOWHERE) {
            miss(m, page, write, check);
            continue;
        }
        if (touched != NULL)
            touched(m->state, &frame_table[number]);
        frame_bits[number] |= (uint8_t)(ACCESSED | (write ? DIRTY : 0));
    }
    m->oracle.now = t->count;
}

struct model_result model_run(const struct trace *t, const struct policy *p, uint32_t frames,
                              const uint32_t *next_use, const struct model_options *options)
{
    struct model m = {
        .policy = p,
        .options = options,
        .where = host_alloc(t->unique, sizeof m.where[0]),
        .frames = MIN(frames, t->unique), /* as the others are never filled */
        .oracle = {.next_use = next_use, .count = t->count},
    };
    for (uint32_t page = 0; page < t->unique; page++)
        m.where[page] = NOWHERE;
    for (uint32_t i = 0; i < SPARES; i++)
        m.spare[i] = m.frames + i;
    frame_table_count = m.frames + SPARES;
    frame_table = host_alloc(frame_table_count, sizeof *frame_table);
    frame_bits = host_alloc(frame_table_count, sizeof *frame_bits);
    running = &m;

    uint32_t objects = memory_objects();
    bool needs_oracle = p->needs & POLICY_NEEDS_ORACLE;
    struct policy_setup setup = {
        .capacity = frames,
        .seed = options->seed,
        .oracle = needs_oracle ? &m.oracle : NULL,
    };
    m.state = p->create(&setup);
    if (m.state == NULL)
        die(SIM_FAILED, "policy %s: no memory for %u frames, or it will not have them", p->name, frames);
    play(&m, t);
    verify_state(&m);
    p->destroy(m.state);
    if (memory_objects() != objects)
        broken(&m, "does not give back all its memory");

    running = NULL;
    free(m.where);
    free(frame_table);
    free(frame_bits);
    return m.result;
}
