/* SPDX-License-Identifier: MIT
 * mm-level: 5.1
 * Reasons for picks: the log line, the ring of the last ones, and the explain command. */
#include "mm/explain.h"
#include "lib/command.h"
#include "lib/string.h"
#include "lib/trace.h"
#include "mm/stats.h"
#include "mm/stop.h"

enum { PICKS = 16, PICK_TEXT = 216 };

/* The last picks while somebody wanted to know. */
static struct pick {
    uint32_t fault; /* during which, counted as frame->since */
    char text[PICK_TEXT];
} picks[PICKS];
static uint32_t picked; /* counts up for ever */

const struct stop_hooks *stops;

/* What a policy says of its choice. */
struct reason {
    char why[112];      /* a log line has 256 */
    struct frame *next; /* who would go else; NULL: nobody, or nobody can tell */
};

static void ask_why(const struct pool *p, struct frame *victim, struct reason *r)
{
    struct buffer_printer why;
    buffer_printer_init(&why, r->why, sizeof r->why);
    r->next = p->policy->explain != NULL ? p->policy->explain(p->state, victim, &why.to) : NULL;
}

/* => without a newline: who goes, what decided, and who would go else */
static void describe(const struct pool *p, const struct frame *victim, const struct reason *r, char *line,
                     size_t size)
{
    char next[32] = "none";
    struct page_id id = policy_page(victim);
    if (r->next != NULL)
        format(next, sizeof next, "%#x:%#x", policy_page(r->next).owner, policy_page(r->next).page);
    format(line, size, "policy=%s victim=%#x:%#x frame=%#x accessed=%u dirty=%u why=\"%s\" runner-up=%s",
           p->policy->name, id.owner, id.page, frame_pfn(victim).n, policy_accessed(victim),
           policy_dirty(victim), r->why, next);
}

static void trace(const struct frame *victim, const struct reason *r)
{
    struct page_id id = policy_page(victim), other = {0};
    if (r->next != NULL)
        other = policy_page(r->next);
    TRACE(PICK, policy_accessed(victim) | policy_dirty(victim) << 1, trace_pid, id.owner,
          id.page << PAGE_SHIFT, frame_pfn(victim).n, other.owner, other.page << PAGE_SHIFT);
    if (trace_on(TRACE_EXPLAIN))
        trace_put_text(EVENT_WHY, trace_pid, r->why);
}

bool explain_pick(struct pool *p, struct frame *victim)
{
    uint64_t since = log_ticks();
    struct reason r;
    ask_why(p, victim, &r);
    if (stops != NULL && stops->victim(p, victim, r.why, r.next))
        return true;
    struct pick *pick = &picks[picked++ % PICKS];
    pick->fault = vmstat.pgfault + 1;
    describe(p, victim, &r, pick->text, sizeof pick->text);
    trace(victim, &r);
    log_event(LOG_EXPLAIN, "explain %s", pick->text);
    log_skip_ticks(since);
    return false;
}

/* ---- the command ---- */

/* Lets so many lines pass. */
struct first_lines {
    struct printer to;
    struct printer *out;
    uint32_t left;
};

static void write_first(struct printer *to, const char *text, size_t len)
{
    struct first_lines *f = container_of(to, struct first_lines, to);
    for (size_t i = 0; i < len && f->left > 0; i++) {
        f->out->write(f->out, text + i, 1);
        f->left -= text[i] == '\n';
    }
}

void explain_next(const struct pool *p, struct printer *out)
{
    enum { FEW = 3 };
    char line[PICK_TEXT];
    struct frame *next = p->queued > 0 && p->policy->next != NULL ? p->policy->next(p->state) : NULL;
    print(out, "pool %s: %u of %u frames in use, %u pages compete\n", p->name, p->resident, p->limit,
          p->queued);
    if (next != NULL) {
        struct reason r;
        ask_why(p, next, &r);
        describe(p, next, &r, line, sizeof line);
        print(out, "  next: %s\n", line);
    } else if (p->queued > 0) {
        struct first_lines few = {{write_first}, out, FEW};
        print(out, "  %s decides only when it must: here it samples, or moves pages. First in its order:\n",
              p->policy->name);
        if (p->policy->dump != NULL)
            p->policy->dump(p->state, &few.to);
    }
}

static void print_picks(struct printer *out)
{
    if (!explain_on())
        print(out, "reasons are not kept; to keep them: explain on, or to log them, too: log +explain\n");
    for (uint32_t i = 1; i <= MIN(picked, (uint32_t)PICKS); i++) {
        const struct pick *pick = &picks[(picked - i) % PICKS];
        print(out, "%s  fault %u: %s\n", i == 1 ? "picks, newest first:\n" : "", pick->fault, pick->text);
    }
}

static int command_run(int argc, char **argv, struct printer *out)
{
    if (argc == 2 && strcmp(argv[1], "on") == 0) {
        watch(WATCH_KEEP, LOG_EXPLAIN);
        return 0;
    }
    if (argc == 2 && strcmp(argv[1], "off") == 0) {
        watch(WATCH_KEEP, 0);
        return 0;
    }
    const struct pool *one = argc == 2 ? pool_find(argv[1]) : NULL;
    if (argc > 2 || (argc == 2 && one == NULL)) {
        print(out, "explain: %s: expected no argument, on, off, or a pool; pool lists them\n",
              argv[argc - 1]);
        return 1;
    }
    list_for_each (n, &all_pools) {
        const struct pool *p = container_of(n, struct pool, link);
        if (one == NULL || p == one)
            explain_next(p, out);
    }
    print_picks(out);
    return 0;
}

static void command_complete(int argc, char **argv UNUSED, struct completion *c)
{
    if (argc == 1)
        pool_complete(c);
}

COMMAND_AT_STOP(
    explain, "[POOL | on | off]", "who would be evicted next, and why; the last picks with their reasons",
    command_run, .words = "on off", .complete = command_complete,
    .more = "  A page is OWNER:PAGE, as in the log: pid and page number, both hexadecimal. If the\n"
            "  instruction that faults needs the next victim itself, the one after it goes.\n"
            "  accessed= of the next victim is its bit as it is now; why= is what the policy will see,\n"
            "  which may clear bits on its way.\n"
            "  explain on     keeps the reasons of the last 16 picks, without logging them\n"
            "  explain main   one pool\n");
