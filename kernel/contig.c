/* SPDX-License-Identifier: MIT
 * The `contig` command: contiguous partitions for programs that use them, strategies, fragmentation,
 * compaction. */
#include "kernel/contig.h"
#include "arch/x86/io.h"
#include "drivers/clock.h"
#include "kernel/monitor.h"
#include "kernel/tenant.h"
#include "lib/command.h"
#include "lib/log.h"
#include "lib/string.h"
#include "lib/wait.h"
#include "mm/buddy.h"
#include "mm/fault_log.h"
#include "mm/stats.h"

enum { STEP_GAP_US = 200 }; /* between two steps of compaction, for programs to run */

struct contig_automatic contig_automatic = {true, UINT32_MAX};

struct compaction {
    uint32_t steps, moved, longest; /* ticks */
};

int contig_complain(struct printer *out, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    print(out, "contig: ");
    vprint(out, fmt, ap);
    va_end(ap);
    print(out, "\n");
    return 1;
}

bool contig_missing(struct printer *out)
{
    if (contig_book.units == 0)
        contig_complain(out, "there is no arena; contig init KIB makes one");
    return contig_book.units == 0;
}

/* A size in KiB of at most the arena, or with most_kib of that. => bytes, or 0 after saying what is wrong */
static uint32_t parse_kib(const char *what, const char *text, uint32_t most_kib, struct printer *out)
{
    uint32_t kib;
    if (!parse_u32(text, false, &kib) || kib == 0 || kib > most_kib) {
        contig_complain(out, "%s=%s: expected a number of KiB from 1 to %u", what, text, most_kib);
        return 0;
    }
    return kib * KIB;
}

static uint32_t arena_kib(void)
{
    return contig_book.units * PAGE_KIB;
}

/* The partition of this name and its tenant. => NULL after saying that there is none */
static struct partition *named(const char *name, struct printer *out)
{
    struct tenant_note note;
    uint32_t pid;
    bool lives = tenant_note(name, &note, &pid);
    struct partition *p = partition_find(&contig_book, name);
    if (p != NULL && lives)
        return p;
    contig_complain(out, "no partition %s; contig status lists them", name);
    return NULL;
}

/* ---- init, reset ---- */

static const struct fit *parse_fit(const char *name, struct printer *out)
{
    const struct fit *fit = fit_find(name);
    if (fit != NULL)
        return fit;
    print(out, "contig: strategy %s: expected one of ", name);
    fit_names(out);
    print(out, "\n");
    return NULL;
}

static int init(int argc, char **argv, struct printer *out)
{
    uint32_t most = frame_table_count * PAGE_KIB, bytes = parse_kib("size", argv[0], most, out);
    const struct fit *fit = argc > 1 ? parse_fit(argv[1], out) : &fit_best;
    if (bytes == 0 || fit == NULL)
        return 1;
    uint32_t frames = ALIGN_UP(bytes, (uint32_t)PAGE_SIZE) / PAGE_SIZE, moved = vmstat.pgmigrate_success;
    switch (contig_open(frames, fit)) {
    case VM_OK:
        break;
    case VM_EXISTS:
        return contig_complain(out, "there is an arena of %u KiB already; contig reset ends it", arena_kib());
    default:
        return contig_complain(out,
                               "no run of %u adjoining frames can be made free; %u frames are free in all",
                               frames, buddy_free_frames());
    }
    moved = vmstat.pgmigrate_success - moved;
    log_event(LOG_PROC, "contig-init frames=%u at=%#x strategy=%s moved=%u", frames,
              frame_pfn(contig_frame_at(0)).n, fit->name, moved);
    print(out, "contig: %u KiB, %u frames from %#x on, strategy %s; %u pages had to move out of the way\n",
          arena_kib(), frames, frame_pfn(contig_frame_at(0)).n, fit->name, moved);
    return 0;
}

static int set_strategy(int argc UNUSED, char **argv, struct printer *out)
{
    const struct fit *fit = contig_missing(out) ? NULL : parse_fit(argv[0], out);
    if (fit == NULL)
        return 1;
    vmem_set_fit(contig_book.arena, fit);
    return 0;
}

static int reset(int argc UNUSED, char **argv UNUSED, struct printer *out)
{
    if (contig_missing(out))
        return 1;
    uint32_t count = contig_book.count;
    struct tenant_note last;
    for (struct partition *p; (p = partition_next(&contig_book, NULL)) != NULL;) {
        char name[PARTITION_NAME];
        format(name, sizeof name, "%s", p->name);
        if (!tenant_end(name, &last)) /* its process has ended, and is about to free it */
            proc_sleep_on(&proc_ended, clock_micros() + STEP_GAP_US);
    }
    contig_close();
    log_event(LOG_PROC, "contig-reset partitions=%u", count);
    print(out, "contig: the arena is gone, with %u partition%s\n", count, count == 1 ? "" : "s");
    return 0;
}

/* ---- compaction ---- */

static void next_step(struct timer *t UNUSED)
{
    wake_all(&contig_automatic);
}

/* Programs run for a while, but not until all have had their time slices. */
static void let_others_run(void)
{
    struct timer t = {.fire = next_step};
    timer_start(&t, clock_micros() + STEP_GAP_US);
    wait_on(&contig_automatic);
    timer_cancel(&t);
}

/* In steps of `budget` frames, between which programs run, until a hole of `wanted` units is there, or
 * nothing is left to move. */
static struct compaction compact(uint32_t budget, uint32_t wanted)
{
    struct compaction c = {0};
    while (partition_figures(&contig_book).largest < wanted || contig_book.moving != NULL) {
        uint64_t start = rdtsc();
        uint32_t moved = contig_step(budget), ticks = (uint32_t)(rdtsc() - start);
        c.moved += moved;
        c.steps += moved > 0;
        c.longest = MAX(c.longest, ticks);
        if (moved < budget)
            break;
        let_others_run();
    }
    log_event(LOG_PROC, "contig-compact steps=%u moved=%u longest-ticks=%u largest=%u", c.steps, c.moved,
              c.longest, partition_figures(&contig_book).largest);
    return c;
}

static void print_compaction(const struct compaction *c, uint32_t budget, struct printer *out)
{
    char text[16] = "all";
    if (budget != UINT32_MAX)
        format(text, sizeof text, "%u", budget);
    print(out, "contig: compact budget=%s steps=%u moved=%u frames longest-step=%u ticks largest-hole=%uK\n",
          text, c->steps, c->moved, c->longest, partition_figures(&contig_book).largest * PAGE_KIB);
}

/* "step N" => false after saying what is wrong */
static bool parse_step(int argc, char **argv, uint32_t *budget, struct printer *out)
{
    if (argc == 2 && strcmp(argv[0], "step") == 0 && parse_u32(argv[1], false, budget) && *budget > 0)
        return true;
    contig_complain(out, "expected step N, with N frames from 1 on");
    return false;
}

static int compact_now(int argc, char **argv, struct printer *out)
{
    uint32_t budget = UINT32_MAX;
    if (contig_missing(out) || (argc > 0 && !parse_step(argc, argv, &budget, out)))
        return 1;
    struct compaction c = compact(budget, contig_book.units + 1);
    print_compaction(&c, budget, out);
    return 0;
}

static int set_automatic(int argc, char **argv, struct printer *out)
{
    uint32_t budget = UINT32_MAX;
    bool on = argc == 1 && strcmp(argv[0], "on") == 0, off = argc == 1 && strcmp(argv[0], "off") == 0;
    if (!on && !off &&
        (argc != 2 || strcmp(argv[0], "step") != 0 || !parse_u32(argv[1], false, &budget) || budget == 0))
        return contig_complain(out, "expected on, off, or step N, with N frames from 1 on");
    contig_automatic.compacts = !off;
    contig_automatic.budget = budget;
    return 0;
}

/* ---- partitions ---- */

static int alloc(int argc, char **argv, struct printer *out)
{
    struct object *o;
    bool compactable, buddy = argc == 3;
    if (contig_missing(out))
        return 1;
    if (strlen(argv[0]) >= PARTITION_NAME)
        return contig_complain(out, "name %s: expected at most %u characters", argv[0], PARTITION_NAME - 1);
    uint32_t bytes = parse_kib("size", argv[1], arena_kib(), out);
    if (bytes == 0)
        return 1;
    if (buddy && strcmp(argv[2], "buddy") != 0)
        return contig_complain(out, "alloc: %s: expected buddy, or nothing", argv[2]);
    uint64_t start = rdtsc();
    enum vm_result r = contig_alloc(argv[0], bytes, buddy, &o, &compactable);
    if (r == VM_NO_MEMORY && compactable && contig_automatic.compacts) {
        struct compaction c = compact(contig_automatic.budget, partition_size(&contig_book, bytes, buddy));
        print(out, "contig: no hole is large enough, though there is room: compaction\n");
        print_compaction(&c, contig_automatic.budget, out);
        r = contig_alloc(argv[0], bytes, buddy, &o, &compactable);
    }
    struct partition_figures f = partition_figures(&contig_book);
    log_event(LOG_PROC, "contig-alloc name=%s bytes=%u buddy=%u strategy=%s result=%s ticks=%u", argv[0],
              bytes, buddy, vmem_fit(contig_book.arena)->name, r == VM_OK ? "ok" : vm_result_name(r),
              (uint32_t)(rdtsc() - start));
    if (r == VM_EXISTS)
        return contig_complain(out, "there is a partition %s already", argv[0]);
    if (r == VM_INVALID)
        return contig_complain(out, "%u KiB rounded up to a power of two are more than the arena's %u KiB",
                               bytes / KIB, arena_kib());
    if (r != VM_OK)
        return contig_complain(out, "no room for %u KiB: %u KiB are free, the largest hole has %u KiB%s",
                               bytes / KIB, f.free * PAGE_KIB, f.largest * PAGE_KIB,
                               compactable ? "; contig compact makes one" : "");
    if (!tenant_start(argv[0], o, bytes, out))
        return 1;
    const struct partition *p = partition_find(&contig_book, argv[0]);
    print(out, "contig: %s has %u KiB in %u frames from %#x on\n", p->name, bytes / KIB, p->units,
          frame_pfn(contig_frame(p, 0)).n);
    return 0;
}

static int say_mismatches(const char *name, const struct tenant_note *note, struct printer *out)
{
    print(out, "contig: %s passes=%u mismatches=%u\n", name, note->passes, note->mismatches);
    if (note->mismatches > 0)
        contig_complain(out, "%s: the first wrong word was at offset %u", name, note->first_bad);
    return note->mismatches > 0;
}

static int free_one(int argc UNUSED, char **argv, struct printer *out)
{
    struct tenant_note last;
    if (contig_missing(out) || named(argv[0], out) == NULL)
        return 1;
    if (!tenant_end(argv[0], &last))
        return contig_complain(out, "%s ended by itself meanwhile", argv[0]);
    return say_mismatches(argv[0], &last, out);
}

/* [offset, offset + n) of p. => false after saying what is legal */
static bool inside(const struct partition *p, const char *text, uint32_t n, uint32_t *offset,
                   struct printer *out)
{
    if (!parse_u32(text, false, offset)) {
        contig_complain(out, "offset %s: expected a number of bytes from 0 on", text);
        return false;
    }
    if (*offset <= p->bytes && n <= p->bytes - *offset)
        return true;
    contig_complain(out, "%u bytes at offset %u: %s has %u bytes", n, *offset, p->name, p->bytes);
    return false;
}

static int write_text(int argc UNUSED, char **argv, struct printer *out)
{
    const char *name = argv[0], *text = argv[2];
    uint32_t offset, n = (uint32_t)strlen(text), pid;
    struct partition *p = contig_missing(out) ? NULL : named(name, out);
    struct tenant_note note;
    if (p == NULL || !inside(p, argv[1], n, &offset, out) || !tenant_note(name, &note, &pid))
        return 1;
    struct tenant_range range = {offset, offset + n};
    if (note.theirs.end > 0) /* what was written before stays, too */
        range = (struct tenant_range){MIN(range.start, note.theirs.start), MAX(range.end, note.theirs.end)};
    if (!tenant_give_way(name, range) || (p = partition_find(&contig_book, name)) == NULL ||
        object_write(contig_object(p), &main_pool, offset, text, n) != VM_OK)
        return contig_complain(out, "%s does not answer", name);
    log_event(LOG_PROC, "contig-write name=%s offset=%u bytes=%u", name, offset, n);
    print(out, "contig: wrote %u bytes to %s at %u\n", n, name, offset);
    return 0;
}

static int read_text(int argc UNUSED, char **argv, struct printer *out)
{
    enum { LINE = 64 };
    uint32_t offset, n;
    struct partition *p = contig_missing(out) ? NULL : named(argv[0], out);
    if (p == NULL)
        return 1;
    if (!parse_u32(argv[2], false, &n) || n == 0)
        return contig_complain(out, "length %s: expected a number of bytes from 1 on", argv[2]);
    if (!inside(p, argv[1], n, &offset, out))
        return 1;
    log_event(LOG_PROC, "contig-read name=%s offset=%u bytes=%u", p->name, offset, n);
    for (uint32_t done = 0; done < n; done += LINE) {
        char line[LINE + 1] = {0};
        uint32_t chunk = MIN(n - done, (uint32_t)LINE);
        if (object_read(contig_object(p), &main_pool, offset + done, line, chunk) != VM_OK)
            return contig_complain(out, "%s cannot be read", p->name);
        for (uint32_t i = 0; i < chunk; i++)
            line[i] = line[i] >= ' ' && line[i] <= '~' ? line[i] : '.';
        print(out, "%8u %s\n", offset + done, line);
    }
    return 0;
}

/* ---- the command ---- */

static const struct {
    const char *name, *args;
    int least, most; /* arguments */
    int (*run)(int argc, char **argv, struct printer *out);
} subcommands[] = {
    {"init", "KIB [STRATEGY]", 1, 2, init},
    {"alloc", "NAME KIB [buddy]", 2, 3, alloc},
    {"free", "NAME", 1, 1, free_one},
    {"write", "NAME OFFSET TEXT", 3, 3, write_text},
    {"read", "NAME OFFSET LEN", 3, 3, read_text},
    {"compact", "[step N]", 0, 2, compact_now},
    {"auto", "on|off|step N", 1, 2, set_automatic},
    {"strategy", "NAME", 1, 1, set_strategy},
    {"status", "", 0, 0, contig_status},
    {"reset", "", 0, 0, reset},
};

static int command_run(int argc, char **argv, struct printer *out)
{
    for (size_t i = 0; argc > 1 && i < ARRAY_SIZE(subcommands); i++) {
        if (strcmp(argv[1], subcommands[i].name) != 0)
            continue;
        if (argc - 2 < subcommands[i].least || argc - 2 > subcommands[i].most)
            return contig_complain(out, "expected: contig %s%s%s", subcommands[i].name,
                                   subcommands[i].args[0] ? " " : "", subcommands[i].args);
        return subcommands[i].run(argc - 2, argv + 2, out);
    }
    print(out, "contig: %s; expected one of:\n", argc > 1 ? "unknown command" : "which command?");
    for (size_t i = 0; i < ARRAY_SIZE(subcommands); i++)
        print(out, "  contig %s %s\n", subcommands[i].name, subcommands[i].args);
    return 1;
}

COMMAND(contig, "init|alloc|free|write|read|compact|auto|strategy|status|reset ...",
        "contiguous partitions of physical memory for programs, and their compaction", command_run,
        .words = "init alloc free write read compact auto strategy status reset");
