/* SPDX-License-Identifier: MIT
 * mm-level: 4.1
 * GIP: the page with the lowest Gittins index goes. For hardware that has accessed bits and nothing else.
 * docs/gip.md has the measurements.
 *
 * The idea. A frame is a resource that is rented to a page. What it earns is the next use of the page,
 * a fault saved; what it costs is the time until then. How soon a page will be used is not known,
 * but how soon pages with a similar past were used is: that can be counted. So pages are put into classes by
 * their last two gaps between uses, and by whether the last use found them in memory or was a fault; for each
 * class it is counted, for each age (time since the last use), how many pages that came to this age were used
 * there. That is a hazard of use. From the hazards follows, for each class and age, the best rate of return
 * that any plan "keep it up to age h, then give it up" has: max over h of P(used by then) / E(time held).
 * This is the index of Gittins (Bandit Processes and Dynamic Allocation Indices, JRSS B 41, 1979), which is
 * optimal for such rentals when the hazards are right. CLOCK and LRU are the case that hazards fall with age,
 * for all pages alike. In a loop larger than memory they rise with age, and GIP learns to give up young
 * pages; it learns which pages are used once only.
 *
 * Time. A hand goes round the frames and reads `reads` accessed bits a fault: a round takes
 * capacity/5 faults or fewer. Ages and gaps are counted in rounds, on a logarithmic scale.
 *
 * Work. The pages of one class and bucket of age, a cell, are on one list, oldest first; the victim is the
 * first of the cell with the lowest index. Its bit is read once more; if it was used meanwhile, another goes.
 * A page changes cells when the hand finds that it was used, or grew older than its bucket. Every
 * fourth fault, at the beginning each, computes the indices of one class anew, each class at most once a
 * round. So the work per fault does not grow with the number of pages.
 *
 * Pages not in memory are remembered (ghosts), as many as two capacities: their return ends a gap, too, and
 * that they do not is counted as well. The bit that the faulting access sets says nothing: a new page stays
 * in the nursery, out of reach, while the next eight come, and leaves it with its bit cleared.
 *
 * In a handful of frames there is too little to count, and to be wrong is dear: gclock does the work there.
 */
#include "mm/directory.h"
#include "mm/policy/gip_index.h"
#include "mm/slab.h"

enum {
    SMALL = 12,       /* frames; pools with fewer are left to gclock */
    BEGIN = 2000,     /* faults; so long the indices of one class are computed at each fault, */
    RENEW_EVERY = 4,  /* and then at every fourth */
    READS = 5,        /* accessed bits that the hand reads a fault, */
    VISITS = 20,      /* and frames at most that it passes for that */
    NURSERY = 8,      /* newest pages that are not victims; in small pools down to half of it */
    GHOSTS = 2,       /* capacities */
    GHOST_READS = 2,  /* ghosts whose age is looked at, a fault */
    SECOND_LOOKS = 3, /* victims that may turn out to be used, a choice */
    EARLIER = 5,      /* levels of the gap before the last: 1-2, 3-8, 9-32, more; unknown */
    UNKNOWN = EARLIER - 1,
    REGULARS = 4,                         /* classes below: the last gap 1, the one before at most 8 */
    REST = 4,                             /* rounds that they are not looked at after a use */
    STRANGERS = GIP_LEVELS * EARLIER * 2, /* the class of pages that were used once */
    STRANGERS_LATER = 8,
    CLASSES = STRANGERS + 1,
    CELLS = CLASSES * GIP_AGES,
    NO_CELL = CELLS,
};

/* What is known of the page in a frame; frame->policy_word is its number. */
struct slot {
    union {
        struct frame *frame;
        uint32_t next_free; /* while FREE */
    };
    uint16_t last; /* round of the last use that was seen, modulo 2^16 */
    uint8_t class;
    uint8_t bucket; /* of the next age at which it can be found used; or one of these: */
};
enum { FREE = 0xff, YOUNG = 0xfe };

struct gip {
    void *gclock; /* the instance that does the work if capacity < SMALL, else NULL; then nothing below is
                     used */
    struct list_node frames[CELLS];
    struct gip_count count[CELLS];
    uint32_t index[CELLS];
    uint16_t filled[CLASSES];  /* bit b: cell b of the class has frames */
    uint16_t best[CLASSES];    /* its filled cell with the lowest index; NO_CELL: none */
    uint32_t lowest;           /* the filled cell with the lowest index; NO_CELL: not known */
    struct list_node nursery;  /* YOUNG ones, oldest first */
    struct list_node homeless; /* more frames than capacity; they have no slot */
    uint32_t young, young_most;
    struct directory ghosts;     /* word: round of the last use, flag: class, flag2: bucket */
    struct list_node by_exit;    /* ghosts, longest gone first */
    struct list_node *next_look; /* of by_exit: the ghost whose age is looked at next */
    uint32_t now;                /* rounds that the hand made */
    uint32_t hand, reads, visits;
    uint32_t faults;  /* so far */
    uint32_t renewed; /* classes whose indices were computed since round renewed_in */
    uint32_t renewed_in;
    uint32_t capacity, free; /* free: first FREE slot, capacity if none */
    struct slot slot[];
};

static inline uint32_t cell_of(const struct slot *s)
{
    return s->class * GIP_AGES + s->bucket;
}

/* The class of a page that was of `class` when it was used after `gap`. */
static uint32_t class_after(uint32_t class, uint32_t gap, bool fault)
{
    uint32_t earlier = class == STRANGERS ? (uint32_t)UNKNOWN : class / 2 / EARLIER / 2;
    return (gip_level(gap) * EARLIER + earlier) * 2 + fault;
}

/* Finds the filled cell of the class with the lowest index. */
static void find_best(struct gip *g, uint32_t class)
{
    uint32_t best = NO_CELL;
    for (uint32_t bits = g->filled[class]; bits != 0; bits &= bits - 1) {
        uint32_t cell = class * GIP_AGES + (uint32_t)__builtin_ctz(bits);
        if (best == NO_CELL || g->index[cell] < g->index[best])
            best = cell;
    }
    g->best[class] = (uint16_t)best;
}

static void renew(struct gip *g, uint32_t class)
{
    struct gip_count *count = &g->count[class * GIP_AGES];
    uint32_t later = STRANGERS_LATER;
    if (class != STRANGERS) {
        uint32_t last = class / 2 / EARLIER, earlier = class / 2 % EARLIER;
        later = (gip_level_gap(last) + gip_level_gap(earlier == UNKNOWN ? last : earlier * 2)) / 4;
    }
    gip_indices(count, later, &g->index[class * GIP_AGES]);
    for (uint32_t b = 0; b < GIP_AGES; b++) {
        count[b].used -= count[b].used >> GIP_DECAY_SHIFT;
        count[b].passed -= count[b].passed >> GIP_DECAY_SHIFT;
    }
    find_best(g, class);
    if (g->lowest == NO_CELL)
        return;
    uint32_t best = g->best[class];
    if (g->lowest / GIP_AGES == class || (best != NO_CELL && g->index[best] < g->index[g->lowest]))
        g->lowest = NO_CELL;
}

static void *gip_create(const struct policy_setup *setup)
{
    uint32_t n = setup->capacity;
    struct gip *g = kzalloc(sizeof *g + n * sizeof g->slot[0]);
    if (g == NULL)
        return NULL;
    if (n < SMALL) {
        g->gclock = policy_gclock.create(setup);
        if (g->gclock != NULL)
            return g;
        kfree(g);
        return NULL;
    }
    if (!directory_init(&g->ghosts, n * GHOSTS)) {
        kfree(g);
        return NULL;
    }
    for (uint32_t c = 0; c < CELLS; c++)
        list_init(&g->frames[c]);
    for (uint32_t class = 0; class < CLASSES; class ++)
        renew(g, class);
    list_init(&g->nursery);
    list_init(&g->homeless);
    list_init(&g->by_exit);
    g->next_look = &g->by_exit;
    g->lowest = NO_CELL;
    g->capacity = n;
    g->reads = MAX(MIN((uint32_t)READS, n / 2), 1u);
    g->visits = MAX(MIN((uint32_t)VISITS, n * 2), 1u);
    g->young_most = MIN(MAX(MIN(n / 8, (uint32_t)NURSERY), (uint32_t)NURSERY / 2), n / 2);
    for (uint32_t i = 0; i < n; i++)
        g->slot[i] = (struct slot){.next_free = i + 1, .bucket = FREE};
    return g;
}

static void gip_destroy(void *state)
{
    struct gip *g = state;
    if (g->gclock != NULL)
        policy_gclock.destroy(g->gclock);
    else
        directory_destroy(&g->ghosts);
    kfree(g);
}

static void enter(struct gip *g, struct slot *s)
{
    uint32_t cell = cell_of(s);
    list_push_back(&g->frames[cell], &s->frame->link);
    g->filled[s->class] |= 1u << s->bucket;
    if (g->best[s->class] == NO_CELL || g->index[cell] < g->index[g->best[s->class]])
        g->best[s->class] = (uint16_t)cell;
    if (g->lowest != NO_CELL && g->index[cell] < g->index[g->lowest])
        g->lowest = cell;
}

static void leave(struct gip *g, struct slot *s)
{
    uint32_t cell = cell_of(s);
    list_remove(&s->frame->link);
    if (list_empty(&g->frames[cell])) {
        g->filled[s->class] &= (uint16_t) ~(1u << s->bucket);
        if (g->best[s->class] == cell)
            find_best(g, s->class);
        if (g->lowest == cell)
            g->lowest = NO_CELL;
    }
}

/* A page of this class passed these buckets unused. */
static void count_passed(struct gip *g, uint32_t class, uint32_t from, uint32_t to)
{
    for (uint32_t b = from; b < to; b++)
        gip_event(&g->count[class * GIP_AGES + b].passed);
}

/* A page of this class, last known to be in bucket `from`, was used at this age. */
static void count_used(struct gip *g, uint32_t class, uint32_t from, uint32_t age)
{
    uint32_t b = gip_bucket(age);
    count_passed(g, class, from, b);
    gip_event(&g->count[class * GIP_AGES + b].used);
}

/* Rounds since the last use; held below GIP_AGE_END, so that 16 bits are enough. */
static uint32_t age_of(struct gip *g, struct slot *s)
{
    uint32_t age = (uint16_t)(g->now - s->last);
    if (age >= GIP_AGE_END) {
        age = GIP_AGE_END - 1;
        s->last = (uint16_t)(g->now - age);
    }
    return age;
}

/* Reads the accessed bit of a page in a cell. => was it used? */
static bool look(struct gip *g, struct slot *s)
{
    uint32_t age = age_of(g, s);
    bool used = policy_test_clear_accessed(s->frame);
    if (!used && !gip_leaves_bucket(age + 1, s->bucket))
        return false;
    if (used) {
        uint32_t gap = s->class < REGULARS && age <= REST ? MIN(age, 1u) : age; /* nobody looked before */
        uint32_t class = gap > 0 ? class_after(s->class, gap, false) : s->class;
        if (gap > 0) /* at age 0 it is still the same use */
            count_used(g, s->class, s->bucket, gap);
        s->last = (uint16_t)g->now;
        if (class == s->class && class < REGULARS && s->bucket == 0 && cell_of(s) != g->lowest)
            return true; /* most reads: in steady use. It keeps its place, to save time */
        leave(g, s);
        s->class = (uint8_t) class;
        s->bucket = 0;
    } else {
        uint32_t bucket = gip_bucket(age + 1);
        leave(g, s);
        count_passed(g, s->class, s->bucket, bucket);
        s->bucket = (uint8_t)bucket;
    }
    enter(g, s);
    return used;
}

static void look_at_ghost(struct gip *g)
{
    if (g->next_look == &g->by_exit) /* round again */
        g->next_look = g->by_exit.next;
    if (g->next_look == &g->by_exit)
        return;
    struct page_entry *e = page_entry_of(g->next_look);
    g->next_look = g->next_look->next;
    if (!gip_leaves_bucket(g->now - e->word, e->flag2))
        return;
    uint32_t bucket = gip_bucket(g->now - e->word);
    count_passed(g, e->flag, e->flag2, bucket);
    e->flag2 = (uint8_t)bucket;
}

static void forget_ghost(struct gip *g, struct page_entry *e)
{
    if (g->next_look == &e->link)
        g->next_look = e->link.next;
    list_remove(&e->link);
    directory_remove(&g->ghosts, e);
}

/* Reads the bits of the next pages. Those that are used all the time, and were just now, are left to rest:
 * so the hand gets round sooner for the others. */
static void turn_hand(struct gip *g)
{
    uint32_t reads = 0;
    for (uint32_t visits = 0; visits < g->visits && reads < g->reads; visits++) {
        struct slot *s = &g->slot[g->hand];
        if (s->bucket < GIP_AGES && (s->class >= REGULARS || age_of(g, s) >= REST)) {
            look(g, s);
            reads++;
        }
        if (++g->hand >= g->capacity) {
            g->hand = 0;
            g->now++;
        }
    }
}

/* What each fault does for all pages. */
static void turn(struct gip *g)
{
    turn_hand(g);
    for (uint32_t i = 0; i < GHOST_READS; i++)
        look_at_ghost(g);
    if (g->faults < BEGIN)
        g->faults++;
    else if (++g->faults % RENEW_EVERY != 0)
        return;
    if (g->renewed == CLASSES && g->renewed_in != g->now) {
        g->renewed_in = g->now;
        g->renewed = 0;
    }
    if (g->renewed < CLASSES)
        renew(g, g->renewed++);
}

static void grow_up(struct gip *g, struct slot *s)
{
    policy_test_clear_accessed(s->frame);
    list_remove(&s->frame->link);
    g->young--;
    s->bucket = 0;
    enter(g, s);
}

static void move_in(struct gip *g, struct frame *f)
{
    struct slot *s = &g->slot[g->free];
    f->policy_word = g->free;
    g->free = s->next_free;
    *s = (struct slot){.frame = f, .last = (uint16_t)g->now, .class = STRANGERS, .bucket = YOUNG};
    struct page_entry *e = directory_find(&g->ghosts, policy_page(f));
    if (e != NULL) {
        uint32_t gap = MAX(g->now - e->word, 1u);
        count_used(g, e->flag, e->flag2, gap);
        s->class = (uint8_t)class_after(e->flag, gap, true);
        forget_ghost(g, e);
    }
    list_push_back(&g->nursery, &f->link);
    if (++g->young > g->young_most)
        grow_up(g, &g->slot[policy_frame(g->nursery.next)->policy_word]);
}

static void gip_inserted(void *state, struct frame *f)
{
    struct gip *g = state;
    if (g->gclock != NULL) {
        policy_gclock.inserted(g->gclock, f);
        return;
    }
    if (g->free < g->capacity) {
        move_in(g, f);
    } else {
        f->policy_word = g->capacity;
        list_push_back(&g->homeless, &f->link);
    }
    turn(g);
}

/* => the filled cell with the lowest index; NO_CELL if there is none. */
static uint32_t lowest_cell(const struct gip *g)
{
    uint32_t lowest = NO_CELL, index = UINT32_MAX;
    for (uint32_t class = 0; class < CLASSES; class ++) {
        uint32_t cell = g->best[class];
        if (cell != NO_CELL && g->index[cell] < index) {
            lowest = cell;
            index = g->index[cell];
        }
    }
    return lowest;
}

static struct frame *gip_pick_victim(void *state)
{
    struct gip *g = state;
    if (g->gclock != NULL)
        return policy_gclock.pick_victim(g->gclock);
    for (uint32_t looks = SECOND_LOOKS;; looks--) {
        if (g->lowest == NO_CELL)
            g->lowest = lowest_cell(g);
        if (g->lowest == NO_CELL)
            break;
        struct frame *f = policy_frame(g->frames[g->lowest].next);
        if (looks == 0 || !look(g, &g->slot[f->policy_word]))
            return f;
    }
    struct list_node *last = !list_empty(&g->nursery) ? &g->nursery : &g->homeless;
    return list_empty(last) ? NULL : policy_frame(last->next);
}

static void remember(struct gip *g, struct slot *s, struct page_id id)
{
    struct page_entry *e = directory_find(&g->ghosts, id);
    if (e != NULL) /* its name was another page's, too */
        forget_ghost(g, e);
    if (g->ghosts.count == g->ghosts.capacity && !list_empty(&g->by_exit))
        forget_ghost(g, page_entry_of(g->by_exit.next));
    e = directory_add(&g->ghosts, id);
    if (e == NULL)
        return;
    e->word = g->now - age_of(g, s);
    e->flag = s->class;
    e->flag2 = s->bucket == YOUNG ? 0 : s->bucket;
    list_push_back(&g->by_exit, &e->link);
}

static void gip_removed(void *state, struct frame *f, bool evicted)
{
    struct gip *g = state;
    if (g->gclock != NULL) {
        policy_gclock.removed(g->gclock, f, evicted);
        return;
    }
    if (f->policy_word >= g->capacity) {
        list_remove(&f->link);
        return;
    }
    struct slot *s = &g->slot[f->policy_word];
    if (s->bucket == YOUNG) {
        list_remove(&f->link);
        g->young--;
    } else {
        leave(g, s);
    }
    if (evicted)
        remember(g, s, policy_page(f));
    *s = (struct slot){.next_free = g->free, .bucket = FREE};
    g->free = f->policy_word;
    struct list_node *n = list_pop_front(&g->homeless);
    if (n != NULL)
        move_in(g, policy_frame(n));
}

static void gip_moved(void *state, struct frame *from, struct frame *to)
{
    struct gip *g = state;
    if (g->gclock != NULL) {
        policy_gclock.moved(g->gclock, from, to);
        return;
    }
    policy_moved(g, from, to);
    if (to->policy_word < g->capacity)
        g->slot[to->policy_word].frame = to;
}

/* "class 3-4 9-32 in memory, unused for 17-32 rounds, index 812" */
static void say_cell(const struct gip *g, uint32_t cell, struct printer *out)
{
    uint32_t class = cell / GIP_AGES, b = cell % GIP_AGES;
    if (class == STRANGERS)
        print(out, "gaps=none");
    else if (class / 2 % EARLIER == UNKNOWN)
        print(out, "gaps<=%u,none", 1u << class / 2 / EARLIER);
    else
        print(out, "gaps<=%u,%u", 1u << class / 2 / EARLIER, 2u << class / 2 % EARLIER * 2);
    print(out, " last=%s age<%u index=%u", class == STRANGERS || class % 2 ? "fault" : "hit",
          gip_age_start[b + 1], g->index[cell]);
}

/* => the filled cell with the next higher index, or the same and a higher number; the lowest if last is
 * NO_CELL; NO_CELL if there is none. */
static uint32_t cell_after(const struct gip *g, uint32_t last)
{
    uint32_t next = NO_CELL;
    for (uint32_t cell = 0; cell < CELLS; cell++) {
        bool behind = last == NO_CELL || g->index[cell] > g->index[last] ||
                      (g->index[cell] == g->index[last] && cell > last);
        if (behind && !list_empty(&g->frames[cell]) && (next == NO_CELL || g->index[cell] < g->index[next]))
            next = cell;
    }
    return next;
}

/* The runner-up may turn out to be used when its bit is read. */
static struct frame *gip_explain(void *state, struct frame *victim, struct printer *why)
{
    struct gip *g = state;
    if (g->gclock != NULL)
        return policy_gclock.explain(g->gclock, victim, why);
    struct slot *s = victim->policy_word < g->capacity ? &g->slot[victim->policy_word] : NULL;
    if (s == NULL || s->bucket == YOUNG) {
        print(why, "only new pages are here");
        return policy_next(s == NULL ? &g->homeless : &g->nursery, victim);
    }
    uint32_t cell = cell_of(s), other;
    print(why, "rounds: exact=%u ", age_of(g, s));
    say_cell(g, cell, why);
    struct frame *next = policy_next(&g->frames[cell], victim);
    if (next != NULL) {
        print(why, "; next the same");
        return next;
    }
    other = cell_after(g, cell);
    if (other == NO_CELL)
        return list_empty(&g->nursery) ? NULL : policy_frame(g->nursery.next);
    print(why, "; next ");
    say_cell(g, other, why);
    return policy_frame(g->frames[other].next);
}

/* => how many frames the list holds, all of them in slots of this class and bucket (bucket alone for the
 * nursery). */
static uint32_t check_list(struct gip *g, const struct list_node *head, uint32_t class, uint32_t bucket,
                           struct printer *out)
{
    uint32_t n = policy_check_queue(head, "gip", out);
    for (struct list_node *it = head->next; n != UINT32_MAX && it != head; it = it->next) {
        struct frame *f = policy_frame(it);
        struct slot *s = f->policy_word < g->capacity ? &g->slot[f->policy_word] : NULL;
        if (s == NULL || s->bucket != bucket || s->frame != f || (bucket != YOUNG && s->class != class)) {
            print(out, "policy gip: frame %#x is on the wrong list\n", frame_pfn(f).n);
            return UINT32_MAX;
        }
    }
    return n;
}

static uint32_t check_gclock(const struct gip *g, struct printer *out)
{
    uint32_t held = policy_gclock.check(g->gclock, out);
    if (held == UINT32_MAX)
        print(out, "policy gip: so is the gclock that serves its small pool\n");
    return held;
}

static uint32_t gip_check(void *state, struct printer *out)
{
    struct gip *g = state;
    if (g->gclock != NULL)
        return check_gclock(g, out);
    uint32_t total = check_list(g, &g->nursery, 0, YOUNG, out);
    uint32_t homeless = policy_check_queue(&g->homeless, "gip", out);
    uint32_t ghosts = policy_check_queue(&g->by_exit, "gip", out);
    if (total == UINT32_MAX || homeless == UINT32_MAX || ghosts == UINT32_MAX ||
        !directory_check(&g->ghosts, "gip", out))
        return UINT32_MAX;
    if (total != g->young) {
        print(out, "policy gip: %u young frames, %u counted\n", total, g->young);
        return UINT32_MAX;
    }
    for (uint32_t cell = 0; cell < CELLS; cell++) {
        uint32_t class = cell / GIP_AGES, b = cell % GIP_AGES;
        uint32_t n = check_list(g, &g->frames[cell], class, b, out);
        if (n == UINT32_MAX)
            return n;
        if ((n > 0) != (g->filled[class] >> b & 1)) {
            print(out, "policy gip: %u frames in cell %u, marked otherwise\n", n, cell);
            return UINT32_MAX;
        }
        total += n;
    }
    if (ghosts != g->ghosts.count) {
        print(out, "policy gip: %u ghosts, %u on their list\n", g->ghosts.count, ghosts);
        return UINT32_MAX;
    }
    return total + homeless;
}

/* The cells by rising index. */
static void gip_dump(void *state, struct printer *out)
{
    struct gip *g = state;
    if (g->gclock != NULL) {
        policy_gclock.dump(g->gclock, out);
        return;
    }
    for (uint32_t cell = cell_after(g, NO_CELL); cell != NO_CELL; cell = cell_after(g, cell))
        policy_dump_queue(&g->frames[cell], out);
    policy_dump_queue(&g->nursery, out);
    policy_dump_queue(&g->homeless, out);
}

const struct policy policy_gip = {
    .name = "gip",
    .summary = "lowest Gittins index, hazards of use learnt from gaps (Gittins 1979)",
    .create = gip_create,
    .destroy = gip_destroy,
    .inserted = gip_inserted,
    .pick_victim = gip_pick_victim,
    .removed = gip_removed,
    .moved = gip_moved,
    .explain = gip_explain,
    .check = gip_check,
    .dump = gip_dump,
};
