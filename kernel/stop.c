/* SPDX-License-Identifier: MIT
 * Stopping in the fault path, at the console: `step` at every fault, `break` at some. Before a page goes, it
 * says which and why, and waits for a line. The machine stands still meanwhile: nobody runs but interrupt
 * handlers, so what is shown is what will happen, unless the person at the console changes it. */
#include "mm/stop.h"
#include "arch/x86/io.h"
#include "kernel/console.h"
#include "kernel/monitor.h"
#include "kernel/proc.h"
#include "lib/command.h"
#include "lib/log.h"
#include "lib/string.h"
#include "lib/watch.h"
#include "mm/buddy.h"
#include "mm/fault.h"
#include "mm/pool.h"

#define ANY UINT32_MAX

/* What a breakpoint wants. */
struct wanted {
    bool on;
    uint32_t pid, kase, page, frame; /* ANY: each */
};

static struct wanted at_fault, at_victim;
static bool stepping;
static uint32_t showing; /* faults that are still to be shown without waiting */
static uint32_t stopped; /* number of the fault that was shown last */
/* Whose fault was shown, and stops when its victim is known; NULL: nobody's. It may sleep before, and others
 * fault meanwhile. */
static const struct proc *expected;

/* What a fault will be, as mm/fault.c decides it, without doing anything about it. */
struct outlook {
    const struct region *region; /* NULL: none; of a stack that will grow to the address, the stack */
    bool grows;
    struct pte pte;
    enum fault_case kase;
};

static struct outlook foresee(const struct fault *f)
{
    struct outlook o = {.pte = pmap_lookup(&f->space->pmap, f->va)};
    if (f->va < USER_END)
        o.region = region_find(&f->space->regions, f->va);
    if (o.region == NULL)
        o.grows = (o.region = space_stack_for(f->space, f->va)) != NULL;
    o.kase = o.region == NULL                ? CASE_NO_REGION
             : !(o.region->prot & f->access) ? CASE_FORBIDDEN
                                             : fault_case_of(o.pte, f->access);
    return o;
}

static void print_case(const struct outlook *o, struct printer *out)
{
    static const char *const words[] = {
        [CASE_NO_REGION] = "nothing is mapped there: will be refused",
        [CASE_FORBIDDEN] = "the region does not allow it: will be refused",
        [CASE_SPURIOUS] = "the page is there already",
        [CASE_FIRST_TOUCH] = "first touch",
        [CASE_SWAPPED] = "swapped out",
        [CASE_COW] = "copy on write",
    };
    print(out, "  case   %u, %s", o->kase, words[o->kase]);
    if (o->kase == CASE_SWAPPED)
        print(out, ", in slot %u", o->pte.slot.n);
    else if (o->kase == CASE_FIRST_TOUCH)
        print(out, ": %s", o->region->object != NULL ? o->region->object->name : "zeros");
    else if (o->kase == CASE_COW)
        print(out, ", of frame %#x", o->pte.pfn.n);
    print(out, "\n");
}

/* Will it need a frame that is not there? Then the stop waits for the policy's choice. */
static bool must_evict(const struct fault *f, const struct outlook *o)
{
    const struct pool *p = f->space->pool;
    bool needs = o->kase == CASE_SWAPPED || o->kase == CASE_COW ||
                 (o->kase == CASE_FIRST_TOUCH && ((f->access & VM_WRITE) || o->region->object != NULL));
    return needs && (p->resident >= p->limit || buddy_free_frames() <= buddy_reserve());
}

/* => whether a page will have to go */
static bool show_fault(const struct fault *f, const struct outlook *o, struct printer *out)
{
    const struct pool *p = f->space->pool;
    uint32_t pid = f->space->pmap.tag;
    const struct region *r = o->region;
    const struct proc *proc = proc_find(pid);
    bool evict = must_evict(f, o);
    char rights[REGION_RIGHTS];
    print(out, "stop %u: pid %u %s wants to %s 0x%08x, ", ++stopped, pid,
          proc != NULL ? proc->result.name : "?", f->access & VM_WRITE ? "write" : "read", f->va);
    print(out, f->ip != 0 ? "ip 0x%08x\n  region " : "through the kernel\n  region ", f->ip);
    if (r == NULL)
        print(out, "none\n");
    else
        print(out, "%08x-%08x %s %s%s\n", r->start, r->end, region_rights(r, rights), r->name,
              o->grows ? ", will grow" : "");
    print_case(o, out);
    print(out, "  pool   %s, %u of %u frames, policy %s%s\n", p->name, p->resident, p->limit, p->policy->name,
          evict ? ": a page must go" : "");
    return evict;
}

static void print_page(const struct frame *f, struct printer *out)
{
    struct page_id id = policy_page(f);
    if (f->pmap != NULL)
        print(out, "page 0x%08x of pid %u", f->va, f->pmap->tag);
    if (id.owner & OWNER_OBJECT)
        print(out, "%spage %u of object %u", f->pmap != NULL ? " = " : "", id.page, id.owner & ~OWNER_OBJECT);
    else if (f->pmap == NULL)
        print(out, "the page of slot %u", id.page);
}

static void show_victim(const struct pool *p, const struct frame *victim, const char *why,
                        const struct frame *next, struct printer *out)
{
    print(out, "  victim ");
    print_page(victim, out);
    print(out, ", frame %#x, %s, ", frame_pfn(victim).n, policy_dirty(victim) ? "dirty" : "clean");
    if (slot_valid(victim->slot))
        print(out, "has slot %u\n", victim->slot.n);
    else
        print(out, "has no slot\n");
    print(out, "  why    %s: %s; ", p->policy->name, why[0] != '\0' ? why : "no reason given");
    if (next != NULL) {
        print(out, "else ");
        print_page(next, out);
        print(out, "\n");
    } else {
        print(out, "nobody else\n");
    }
}

/* ---- waiting ---- */

static void watch_now(void);

static void go_on(void)
{
    stepping = false;
    showing = 0;
    watch_now();
}

/* Without the spaces at both ends: they are easily typed and not seen. */
static void trim(char *line)
{
    size_t first = 0, end = strlen(line);
    while (end > 0 && line[end - 1] == ' ')
        end--;
    while (first < end && line[first] == ' ')
        first++;
    memmove(line, line + first, end - first);
    line[end - first] = '\0';
}

/* A line ends the stop, or is a command. */
static void wait_for_line(void)
{
    char line[CONSOLE_LINE];
    uint64_t since = log_ticks(), tsc = rdtsc();
    if (showing > 0) {
        showing--;
        watch_now();
        return;
    }
    for (bool waiting = true; waiting;) {
        console_frozen = true;
        bool more = console_prompt("stop> ", line, sizeof line);
        console_frozen = false;
        proc_stood_still(tsc); /* now, because a command may show who has used the CPU */
        tsc = rdtsc();
        trim(line);
        if (!more || strcmp(line, "c") == 0 || strcmp(line, "continue") == 0) {
            go_on();
            waiting = false;
        } else if (console_cancelled) {
            continue; /* whoever gives a command up does not want the fault to go on */
        } else if (line[0] == '\0' || strcmp(line, "s") == 0) {
            stepping |= line[0] != '\0';
            watch_now();
            waiting = false;
        } else {
            command_in_fault = true;
            monitor_command_at_stop(line);
            command_in_fault = false;
        }
    }
    log_skip_ticks(since);
}

/* ---- the hooks ---- */

static bool matches(const struct wanted *w, uint32_t pid, uint32_t kase, vaddr_t va, uint32_t frame)
{
    return w->on && (w->pid == ANY || w->pid == pid) && (w->kase == ANY || w->kase == kase) &&
           (w->page == ANY || w->page == va >> PAGE_SHIFT) && (w->frame == ANY || w->frame == frame);
}

static void on_fault(const struct fault *f)
{
    struct outlook o = foresee(f);
    if (!stepping && showing == 0 && !matches(&at_fault, f->space->pmap.tag, o.kase, f->va, ANY))
        return;
    if (show_fault(f, &o, &log_console) && expected == NULL)
        expected = current;
    else
        wait_for_line();
}

static bool on_victim(struct pool *p, struct frame *victim, const char *why, struct frame *next)
{
    uint32_t pid = victim->pmap != NULL ? victim->pmap->tag : 0;
    bool hit = matches(&at_victim, pid, ANY, victim->va, frame_pfn(victim).n);
    bool shown = expected == current;
    if (!shown && !stepping && !hit)
        return false;
    if (!shown)
        print(&log_console, "stop %u: %s makes room in pool %s\n", ++stopped, current->result.name, p->name);
    else
        expected = NULL;
    const struct policy *before = p->policy;
    show_victim(p, victim, why, next, &log_console);
    wait_for_line();
    if (p->policy == before && (victim->flags & FRAME_QUEUED))
        return false;
    print(&log_console, "  policy %s is asked again\n", p->policy->name);
    expected = stops != NULL ? current : NULL;
    return true;
}

/* A fault of which a victim was expected ended without: what has happened is in the log. */
static void on_done(const struct fault *f, bool resolved)
{
    if (expected != current)
        return;
    expected = NULL;
    print(&log_console, "  done   %s, nothing had to go\n", resolved ? f->what : "refused");
    wait_for_line();
}

static void watch_now(void)
{
    static const struct stop_hooks hooks = {on_fault, on_victim, on_done};
    bool any = stepping || showing > 0 || at_fault.on || at_victim.on;
    stops = any ? &hooks : NULL;
    expected = any ? expected : NULL;
    watch(WATCH_STOP, any ? LOG_FAULT | LOG_EXPLAIN : 0);
}

/* ---- commands ---- */

static int step_run(int argc, char **argv, struct printer *out)
{
    uint32_t n = 0;
    const char *what = argc > 1 ? argv[1] : "on";
    bool on = strcmp(what, "on") == 0;
    if (argc > 2 || (!on && strcmp(what, "off") != 0 && (!parse_u32(what, false, &n) || n == 0))) {
        print(out, "step: %s: expected on, off, or how many faults to show without waiting\n",
              argv[argc - 1]);
        return 1;
    }
    stepping = on;
    showing = n;
    watch_now();
    print(out,
          on      ? "step: stops at every fault; Enter goes on, c lets it run\n"
          : n > 0 ? "step: the next %u fault%s shown\n"
                  : "step: off\n",
          n, n == 1 ? " is" : "s are");
    return 0;
}

COMMAND_AT_STOP(
    step, "[on|off|N]", "stop at every fault, before its victim goes; N: only show the next N", step_run,
    .words = "on off",
    .more = "  At the prompt stop> the machine stands still:\n"
            "    Enter  goes on, to the next stop       c   lets it run, breakpoints stay\n"
            "    s      goes on, and stops at every fault from here\n"
            "  Commands that look into memory are legal there, and so are policy, break, step and log.\n"
            "  Those that sleep, evict or start a program say that they are not.\n"
            "  step 5   shows the next 5 faults without waiting\n");

static void print_wanted(const char *name, const struct wanted *w, struct printer *out)
{
    if (!w->on)
        return;
    print(out, "break: %s", name);
    if (w->pid != ANY)
        print(out, " pid=%u", w->pid);
    if (w->kase != ANY)
        print(out, " case=%u", w->kase);
    if (w->page != ANY)
        print(out, " va=0x%08x", w->page << PAGE_SHIFT);
    if (w->frame != ANY)
        print(out, " frame=%#x", w->frame);
    print(out, "\n");
}

/* One condition: a pid alone, or key=value. => false if it is none */
static bool add_condition(struct wanted *w, const char *text, bool fault)
{
    uint32_t n;
    const char *value = strchr(text, '=');
    size_t key = value != NULL ? (size_t)(value - text) : 0;
    bool va = key == 2 && strncmp(text, "va", key) == 0;
    if (va ? !parse_address(value + 1, &n) : !parse_u32(value != NULL ? value + 1 : text, false, &n))
        return false;
    if (va)
        w->page = n >> PAGE_SHIFT;
    else if (value == NULL || (key == 3 && strncmp(text, "pid", key) == 0))
        w->pid = n;
    else if (fault && key == 4 && strncmp(text, "case", key) == 0 && n <= CASE_COW)
        w->kase = n;
    else if (!fault && key == 5 && strncmp(text, "frame", key) == 0)
        w->frame = n;
    else
        return false;
    return true;
}

static int break_run(int argc, char **argv, struct printer *out)
{
    const char *what = argc > 1 ? argv[1] : "";
    bool fault = strcmp(what, "fault") == 0;
    struct wanted w = {true, ANY, ANY, ANY, ANY};
    if (argc == 2 && strcmp(what, "off") == 0) {
        at_fault.on = at_victim.on = false;
    } else if (fault || strcmp(what, "evict") == 0) {
        for (int i = 2; i < argc; i++)
            if (!add_condition(&w, argv[i], fault)) {
                print(out, "break: %s: expected a pid, pid=N, va=ADDRESS, %s\n", argv[i],
                      fault ? "or case=0 to case=5" : "or frame=N");
                return 1;
            }
        *(fault ? &at_fault : &at_victim) = w;
    } else if (argc > 1) {
        print(out, "break: %s: expected fault, evict or off\n", what);
        return 1;
    }
    watch_now();
    print_wanted("fault", &at_fault, out);
    print_wanted("evict", &at_victim, out);
    if (!at_fault.on && !at_victim.on)
        print(out, "break: none\n");
    return 0;
}

COMMAND_AT_STOP(
    break, "[fault|evict [PID] [KEY=..]|off]",
    "stop at a fault (pid= va= case=) or before an eviction (pid= va= frame=)", break_run,
    .words = "fault evict off",
    .more = "  One for faults and one for evictions: a new one takes the place of the old. All its\n"
            "  conditions must hold; a number alone is a pid. What can be said at a stop: help step.\n"
            "    case=0 no region   1 forbidden   2 spurious   3 first touch   4 swap-in\n"
            "         5 copy on write\n"
            "  break fault 2 case=4     process 2 wants a page that is in swap\n"
            "  break fault va=b7fe4000  somebody touches this page; hexadecimal\n"
            "  break evict frame=0x2800 what is in this frame must go\n"
            "  break                    which there are; break off: none any more\n");
