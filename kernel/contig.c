/* SPDX-License-Identifier: MIT
 * The `contig` command: contiguous partitions for programs that use them, strategies, fragmentation,
 * compaction. */
#include "arch/x86/io.h"
#include "drivers/clock.h"
#include "drivers/vga.h"
#include "kernel/monitor.h"
#include "kernel/tenant.h"
#include "lib/command.h"
#include "lib/log.h"
#include "lib/string.h"
#include "lib/wait.h"
#include "mm/buddy.h"
#include "mm/fault_log.h"
#include "mm/stats.h"

enum { KIB = 1024, PAGE_KIB = PAGE_SIZE / KIB };
enum { STEP_GAP_US = 200 }; /* between two steps of compaction, for programs to run */

/* What an allocation does that fails for fragmentation only. budget: frames a step; UINT32_MAX: all at once.
 */
static struct {
    bool compacts;
    uint32_t budget;
} automatic = {true, UINT32_MAX};

struct compaction {
    uint32_t steps, moved, longest; /* ticks */
};

static int complain(struct printer *out, const char *fmt, ...) PRINTF_LIKE(2);
static int complain(struct printer *out, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    print(out, "contig: ");
    vprint(out, fmt, ap);
    va_end(ap);
    print(out, "\n");
    return 1;
}

static bool no_arena(struct printer *out)
{
    if (contig_book.units == 0)
        complain(out, "there is no arena; contig init KIB makes one");
    return contig_book.units == 0;
}

/* A size in KiB of at most the arena, or with most_kib of that. => bytes, or 0 after saying what is wrong */
static uint32_t parse_kib(const char *what, const char *text, uint32_t most_kib, struct printer *out)
{
    uint32_t kib;
    if (!parse_u32(text, false, &kib) || kib == 0 || kib > most_kib) {
        complain(out, "%s=%s: expected a number of KiB from 1 to %u", what, text, most_kib);
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
    complain(out, "no partition %s; contig status lists them", name);
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
        return complain(out, "there is an arena of %u KiB already; contig reset ends it", arena_kib());
    default:
        return complain(out, "no run of %u adjoining frames can be made free; %u frames are free in all",
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
    const struct fit *fit = no_arena(out) ? NULL : parse_fit(argv[0], out);
    if (fit == NULL)
        return 1;
    vmem_set_fit(contig_book.arena, fit);
    return 0;
}

/* => a partition, NULL when there is none */
static struct partition *first(void)
{
    uint32_t at = 0;
    while (at < contig_book.units && contig_book.by_start[at] == NULL)
        at++;
    return at < contig_book.units ? contig_book.by_start[at] : NULL;
}

static int reset(int argc UNUSED, char **argv UNUSED, struct printer *out)
{
    if (no_arena(out))
        return 1;
    uint32_t count = contig_book.count;
    struct tenant_note last;
    for (struct partition *p; (p = first()) != NULL;) {
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
    wake_all(&automatic);
}

/* Programs run for a while, but not until all have had their time slices. */
static void let_others_run(void)
{
    struct timer t = {.fire = next_step};
    timer_start(&t, clock_micros() + STEP_GAP_US);
    wait_on(&automatic);
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
    complain(out, "expected step N, with N frames from 1 on");
    return false;
}

static int compact_now(int argc, char **argv, struct printer *out)
{
    uint32_t budget = UINT32_MAX;
    if (no_arena(out) || (argc > 0 && !parse_step(argc, argv, &budget, out)))
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
        return complain(out, "expected on, off, or step N, with N frames from 1 on");
    automatic.compacts = !off;
    automatic.budget = budget;
    return 0;
}

/* ---- partitions ---- */

static int alloc(int argc, char **argv, struct printer *out)
{
    struct object *o;
    bool compactable, buddy = argc == 3;
    if (no_arena(out))
        return 1;
    if (strlen(argv[0]) >= PARTITION_NAME)
        return complain(out, "name %s: expected at most %u characters", argv[0], PARTITION_NAME - 1);
    uint32_t bytes = parse_kib("size", argv[1], arena_kib(), out);
    if (bytes == 0)
        return 1;
    if (buddy && strcmp(argv[2], "buddy") != 0)
        return complain(out, "alloc: %s: expected buddy, or nothing", argv[2]);
    uint64_t start = rdtsc();
    enum vm_result r = contig_alloc(argv[0], bytes, buddy, &o, &compactable);
    if (r == VM_NO_MEMORY && compactable && automatic.compacts) {
        uint32_t units = bytes / PAGE_SIZE + (bytes % PAGE_SIZE != 0);
        struct compaction c = compact(automatic.budget, buddy ? (uint32_t)fit_round(units) : units);
        print(out, "contig: no hole is large enough, though there is room: compaction\n");
        print_compaction(&c, automatic.budget, out);
        r = contig_alloc(argv[0], bytes, buddy, &o, &compactable);
    }
    struct partition_figures f = partition_figures(&contig_book);
    log_event(LOG_PROC, "contig-alloc name=%s bytes=%u buddy=%u strategy=%s result=%s ticks=%u", argv[0],
              bytes, buddy, vmem_fit(contig_book.arena)->name, r == VM_OK ? "ok" : vm_result_name(r),
              (uint32_t)(rdtsc() - start));
    if (r == VM_EXISTS)
        return complain(out, "there is a partition %s already", argv[0]);
    if (r == VM_INVALID)
        return complain(out, "%u KiB rounded up to a power of two are more than the arena's %u KiB",
                        bytes / KIB, arena_kib());
    if (r != VM_OK)
        return complain(out, "no room for %u KiB: %u KiB are free, the largest hole has %u KiB%s",
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
        complain(out, "%s: the first wrong word was at offset %u", name, note->first_bad);
    return note->mismatches > 0;
}

static int free_one(int argc UNUSED, char **argv, struct printer *out)
{
    struct tenant_note last;
    if (no_arena(out) || named(argv[0], out) == NULL)
        return 1;
    if (!tenant_end(argv[0], &last))
        return complain(out, "%s ended by itself meanwhile", argv[0]);
    return say_mismatches(argv[0], &last, out);
}

/* [offset, offset + n) of p. => false after saying what is legal */
static bool inside(const struct partition *p, const char *text, uint32_t n, uint32_t *offset,
                   struct printer *out)
{
    if (!parse_u32(text, false, offset)) {
        complain(out, "offset %s: expected a number of bytes from 0 on", text);
        return false;
    }
    if (*offset <= p->bytes && n <= p->bytes - *offset)
        return true;
    complain(out, "%u bytes at offset %u: %s has %u bytes", n, *offset, p->name, p->bytes);
    return false;
}

static int write_text(int argc UNUSED, char **argv, struct printer *out)
{
    const char *name = argv[0], *text = argv[2];
    uint32_t offset, n = (uint32_t)strlen(text), pid;
    struct partition *p = no_arena(out) ? NULL : named(name, out);
    struct tenant_note note;
    if (p == NULL || !inside(p, argv[1], n, &offset, out) || !tenant_note(name, &note, &pid))
        return 1;
    struct tenant_range range = {offset, offset + n};
    if (note.theirs.end > 0) /* what was written before stays, too */
        range = (struct tenant_range){MIN(range.start, note.theirs.start), MAX(range.end, note.theirs.end)};
    if (!tenant_give_way(name, range) || (p = partition_find(&contig_book, name)) == NULL ||
        object_write(contig_object(p), &main_pool, offset, text, n) != VM_OK)
        return complain(out, "%s does not answer", name);
    log_event(LOG_PROC, "contig-write name=%s offset=%u bytes=%u", name, offset, n);
    print(out, "contig: wrote %u bytes to %s at %u\n", n, name, offset);
    return 0;
}

static int read_text(int argc UNUSED, char **argv, struct printer *out)
{
    enum { LINE = 64 };
    uint32_t offset, n;
    struct partition *p = no_arena(out) ? NULL : named(argv[0], out);
    if (p == NULL)
        return 1;
    if (!parse_u32(argv[2], false, &n) || n == 0)
        return complain(out, "length %s: expected a number of bytes from 1 on", argv[2]);
    if (!inside(p, argv[1], n, &offset, out))
        return 1;
    log_event(LOG_PROC, "contig-read name=%s offset=%u bytes=%u", p->name, offset, n);
    for (uint32_t done = 0; done < n; done += LINE) {
        char line[LINE + 1] = {0};
        uint32_t chunk = MIN(n - done, (uint32_t)LINE);
        if (object_read(contig_object(p), &main_pool, offset + done, line, chunk) != VM_OK)
            return complain(out, "%s cannot be read", p->name);
        for (uint32_t i = 0; i < chunk; i++)
            line[i] = line[i] >= ' ' && line[i] <= '~' ? line[i] : '.';
        print(out, "%8u %s\n", offset + done, line);
    }
    return 0;
}

/* ---- status ---- */

enum { MAP_COLUMNS = 64, MAP_ROWS = 4 };

/* Of a partition, by its place among them. */
static char letter_of(uint32_t number)
{
    return (char)('A' + number % 26);
}

static uint8_t color_of(char c)
{
    static const enum vga_color colors[] = {VGA_BLUE, VGA_GREEN, VGA_CYAN, VGA_RED, VGA_MAGENTA, VGA_BROWN};
    if (c >= 'A' && c <= 'Z')
        return (uint8_t)(colors[(c - 'A') % (int)ARRAY_SIZE(colors)] << 4 | VGA_WHITE);
    return VGA_GREY;
}

/* One character for `group` units: the partition that has the first of them. */
static void draw(struct printer *out)
{
    char map[MAP_COLUMNS * MAP_ROWS + 1] = {0};
    uint32_t group = (contig_book.units + sizeof map - 2) / (sizeof map - 1), number = 0;
    uint32_t columns = (contig_book.units + group - 1) / group,
             rows = (columns + MAP_COLUMNS - 1) / MAP_COLUMNS;
    memset(map, '.', columns);
    for (uint32_t at = 0; at < contig_book.units; at++) {
        const struct partition *p = contig_book.by_start[at];
        for (uint32_t i = 0; p != NULL && i < p->units; i++)
            map[partition_unit(&contig_book, p, i) / group] = letter_of(number);
        number += p != NULL;
    }
    for (uint32_t row = 0; row < rows; row++)
        print(out, "%6uK |%.*s|\n", row * MAP_COLUMNS * group * PAGE_KIB, MAP_COLUMNS,
              map + row * MAP_COLUMNS);
    vga_color_lines(rows, color_of);
    print(out, "one character = %uK; . free\n", group * PAGE_KIB);
}

static void list_partitions(struct printer *out)
{
    uint32_t number = 0;
    for (uint32_t at = 0; at < contig_book.units; at++) {
        const struct partition *p = contig_book.by_start[at];
        struct tenant_note note = {.mismatches = 0};
        uint32_t pid = 0;
        if (p == NULL)
            continue;
        tenant_note(p->name, &note, &pid);
        print(out, "%c %-15s at=%uK size=%uK asked=%uK frame=%#x pid=%u passes=%u mismatches=%u%s\n",
              letter_of(number++), p->name, at * PAGE_KIB, p->units * PAGE_KIB, p->bytes / KIB,
              frame_pfn(contig_frame(p, 0)).n, pid, note.passes, note.mismatches,
              contig_book.moving == p ? " moving" : "");
    }
}

static int status(int argc UNUSED, char **argv UNUSED, struct printer *out)
{
    if (no_arena(out))
        return 1;
    const struct partition_book *b = &contig_book;
    struct partition_figures f = partition_figures(b);
    print(out, "contig: strategy=%s total=%uK used=%uK free=%uK largest-hole=%uK holes=%u blocks=%u\n",
          vmem_fit(b->arena)->name, f.total * PAGE_KIB, f.used * PAGE_KIB, f.free * PAGE_KIB,
          f.largest * PAGE_KIB, f.holes, b->count);
    print(out, "contig: external=%u.%u%% internal=%u.%u%% success=%u.%u%%\n", f.external / 10,
          f.external % 10, f.internal / 10, f.internal % 10, f.success / 10, f.success % 10);
    print(out,
          "contig: operations=%u allocs=%u failed=%u for-fragmentation-only=%u frees=%u moves=%u auto=%s\n",
          b->allocs + b->frees, b->allocs, b->failures, b->fragmented, b->frees, b->moves,
          !automatic.compacts              ? "off"
          : automatic.budget == UINT32_MAX ? "on"
                                           : "step");
    draw(out);
    list_partitions(out);
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
    {"status", "", 0, 0, status},
    {"reset", "", 0, 0, reset},
};

static int command_run(int argc, char **argv, struct printer *out)
{
    for (size_t i = 0; argc > 1 && i < ARRAY_SIZE(subcommands); i++) {
        if (strcmp(argv[1], subcommands[i].name) != 0)
            continue;
        if (argc - 2 < subcommands[i].least || argc - 2 > subcommands[i].most)
            return complain(out, "expected: contig %s%s%s", subcommands[i].name,
                            subcommands[i].args[0] ? " " : "", subcommands[i].args);
        return subcommands[i].run(argc - 2, argv + 2, out);
    }
    print(out, "contig: %s; expected one of:\n", argc > 1 ? "unknown command" : "which command?");
    for (size_t i = 0; i < ARRAY_SIZE(subcommands); i++)
        print(out, "  contig %s %s\n", subcommands[i].name, subcommands[i].args);
    return 1;
}

COMMAND(contig, "init|alloc|free|write|read|compact|auto|strategy|status|reset ...",
        "contiguous partitions of physical memory for programs, and their compaction", command_run);
