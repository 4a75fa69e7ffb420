/* SPDX-License-Identifier: MIT
 * Policies for the simulator's tests, linked by SIM_EXTRA: one that writes down how it is called, and some
 * that break the contract, each in its own way. All are FIFO otherwise. */
#include "mm/slab.h"
#include "tools/sim/sim.h"

struct table {
    struct oracle *oracle;
    uint32_t count;
    struct frame *gone; /* the last one evicted */
    struct frame *member[];
};

static void *create(const struct policy_setup *setup)
{
    struct table *s = kzalloc(sizeof *s + setup->capacity * sizeof s->member[0]);
    s->oracle = setup->oracle;
    return s;
}

static void inserted(void *state, struct frame *f)
{
    struct table *s = state;
    s->member[s->count++] = f;
}

static struct frame *pick_victim(void *state)
{
    struct table *s = state;
    return s->count > 0 ? s->member[0] : NULL;
}

static void removed(void *state, struct frame *f, bool evicted UNUSED)
{
    struct table *s = state;
    uint32_t at = 0;
    while (s->member[at] != f)
        at++;
    for (s->count--; at < s->count; at++)
        s->member[at] = s->member[at + 1];
    s->gone = f;
}

static uint32_t check(void *state, struct printer *out UNUSED)
{
    struct table *s = state;
    return s->count;
}

/* ---- the diary: each call, and the pages as the policy sees them, with a and d for their bits ---- */

static void diary_frames(struct table *s)
{
    for (uint32_t i = 0; i < s->count; i++) {
        const struct frame *f = s->member[i];
        print(&to_stdout, " %u%s%s", policy_page(f).page, policy_accessed(f) ? "a" : "",
              policy_dirty(f) ? "d" : "");
    }
}

static void diary_line(struct table *s, const char *what, uint32_t page)
{
    print(&to_stdout, "%s %u:", what, page);
    diary_frames(s);
    if (s->oracle != NULL)
        print(&to_stdout, " now=%u next=%d", s->oracle->now, (int)oracle_next_use(s->oracle));
    print(&to_stdout, "\n");
}

static void diary_missed(void *state, struct page_id id)
{
    diary_line(state, "missed", id.page);
}

static void diary_inserted(void *state, struct frame *f)
{
    inserted(state, f);
    diary_line(state, "inserted", policy_page(f).page);
}

static void diary_touched(void *state, struct frame *f)
{
    diary_line(state, "touched", policy_page(f).page);
}

static struct frame *diary_pick_victim(void *state)
{
    struct frame *f = pick_victim(state);
    diary_line(state, "picked", policy_page(f).page);
    return f;
}

static void diary_removed(void *state, struct frame *f, bool evicted)
{
    diary_line(state, evicted ? "evicted" : "removed", policy_page(f).page);
    removed(state, f, evicted);
}

#define DIARY                                                                               \
    .summary = "for tests", .create = create, .destroy = kfree, .missed = diary_missed,     \
    .inserted = diary_inserted, .touched = diary_touched, .pick_victim = diary_pick_victim, \
    .removed = diary_removed, .check = check

static const struct policy diary = {.name = "diary", DIARY};
static const struct policy diary_touches = {.name = "diary-touches", .needs = POLICY_NEEDS_TOUCHES, DIARY};
static const struct policy diary_oracle = {.name = "diary-oracle", .needs = POLICY_NEEDS_ORACLE, DIARY};
SIM_POLICY(diary);
SIM_POLICY(diary_touches);
SIM_POLICY(diary_oracle);

/* ---- broken ones ---- */

static struct frame *pick_nobody(void *state UNUSED)
{
    return NULL;
}

static struct frame *pick_gone(void *state)
{
    struct table *s = state;
    return s->gone != NULL ? s->gone : pick_victim(state);
}

static struct frame *pick_stranger(void *state UNUSED)
{
    static struct frame stranger;
    return &stranger;
}

static struct frame *pick_crooked(void *state)
{
    return (struct frame *)(void *)&pick_victim(state)->kind; /* points into the right frame, not at it */
}

static uint32_t check_too_many(void *state, struct printer *out)
{
    return check(state, out) + 1;
}

static uint32_t check_fails(void *state UNUSED, struct printer *out)
{
    print(out, "policy broken-check: this is why\n");
    return UINT32_MAX;
}

static void destroy_half(void *state UNUSED)
{
}

static struct frame *explain_badly(void *state UNUSED, struct frame *victim, struct printer *why)
{
    print(why, "no reason");
    return victim;
}

static void *create_nothing(const struct policy_setup *setup UNUSED)
{
    return NULL;
}

#define MAKE(text, make, end, pick, verify, reason)                                                       \
    {                                                                                                     \
        .name = (text), .summary = "for tests", .create = (make), .destroy = (end), .inserted = inserted, \
        .pick_victim = (pick), .removed = removed, .check = (verify), .explain = (reason),                \
    }

static const struct policy nobody = MAKE("broken-nobody", create, kfree, pick_nobody, check, NULL);
static const struct policy gone = MAKE("broken-gone", create, kfree, pick_gone, check, NULL);
static const struct policy stranger = MAKE("broken-stranger", create, kfree, pick_stranger, check, NULL);
static const struct policy crooked = MAKE("broken-crooked", create, kfree, pick_crooked, check, NULL);
static const struct policy count = MAKE("broken-count", create, kfree, pick_victim, check_too_many, NULL);
static const struct policy fails = MAKE("broken-check", create, kfree, pick_victim, check_fails, NULL);
static const struct policy leak = MAKE("broken-leak", create, destroy_half, pick_victim, check, NULL);
static const struct policy reason = MAKE("broken-reason", create, kfree, pick_victim, check, explain_badly);
static const struct policy nothing = MAKE("broken-create", create_nothing, kfree, pick_victim, check, NULL);
SIM_POLICY(nobody);
SIM_POLICY(gone);
SIM_POLICY(stranger);
SIM_POLICY(crooked);
SIM_POLICY(count);
SIM_POLICY(fails);
SIM_POLICY(leak);
SIM_POLICY(reason);
SIM_POLICY(nothing);
