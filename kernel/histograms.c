/* SPDX-License-Identifier: MIT
 * hist: distributions of what faults cost, of refault and reuse distances, and of how long pages stay. */
#include "mm/histograms.h"
#include "lib/command.h"
#include "lib/string.h"
#include "mm/exact.h"
#include "mm/reuse.h"

/* ---- reuse distances, of what exact mode has recorded ---- */

enum { SIZES = 16 };

/* Numbers of frames that are asked about, and what LRU would have needed of them. */
struct sizes {
    uint32_t count, frames[SIZES], faults[SIZES];
};

struct distances {
    struct histogram all; /* but of cold ones */
    uint32_t cold;        /* first references */
};

static void note(uint32_t distance, struct distances *d, struct sizes *s)
{
    if (distance == REUSE_COLD)
        d->cold++;
    else
        histogram_add(&d->all, distance);
    for (uint32_t i = 0; i < s->count; i++)
        s->faults[i] += distance >= s->frames[i];
}

static bool measure(struct distances *d, struct sizes *s)
{
    struct reuse string = {0};
    bool ok = true;
    for (uint32_t i = 0; ok && i < recorder_count(); i++) {
        uint32_t distance;
        ok = reuse_refer(&string, recorder_at(i) >> RECORD_PAGE_SHIFT, &distance);
        if (ok)
            note(distance, d, s);
    }
    reuse_end(&string);
    return ok;
}

static int print_reuse(struct sizes *s, struct printer *out)
{
    struct distances d = {0};
    if (!measure(&d, s)) {
        print(out, "hist: reuse: no memory for the distances of %u references\n", recorder_count());
        return 1;
    }
    print(out, "hist name=reuse unit=pages lost=%u cold=%u", recorder_lost(), d.cold);
    histogram_print_figures(&d.all, out);
    print(out, "\n");
    histogram_print_buckets(&d.all, out);
    for (uint32_t i = 0; i < s->count; i++)
        print(out, "hist name=reuse policy=lru frames=%u faults=%u\n", s->frames[i], s->faults[i]);
    return 0;
}

static int reuse_run(int argc, char **argv, struct printer *out)
{
    struct sizes s = {0};
    for (int i = 0; i < argc; i++) {
        if (!parse_u32(argv[i], false, &s.frames[s.count]) || s.frames[s.count] == 0) {
            print(out, "hist: reuse %s: expected numbers of frames from 1 on\n", argv[i]);
            return 1;
        }
        if (++s.count == SIZES && i + 1 < argc) {
            print(out, "hist: reuse: expected at most %d numbers of frames\n", SIZES);
            return 1;
        }
    }
    if (recorder_count() == 0) {
        print(out, "hist: reuse: nothing is recorded; first: exact run PROG\n");
        return 1;
    }
    return print_reuse(&s, out);
}

/* ---- the command ---- */

static void print_state(struct printer *out)
{
    if (histograms.on)
        print(out, "hist: on since fault %u\n", histograms.from);
    else if (histograms.to > histograms.from)
        print(out, "hist: off, collected from fault %u to %u\n", histograms.from, histograms.to);
    else
        print(out, "hist: off, nothing is collected; hist on begins\n");
}

static int print_all(struct printer *out)
{
    struct sizes none = {0};
    print_state(out);
    histograms_print_faults(out);
    histograms_print_refaults(out);
    histograms_print_residence(out);
    return recorder_count() > 0 ? print_reuse(&none, out) : 0;
}

static int start(struct printer *out)
{
    if (histograms_start() == VM_OK) {
        print_state(out);
        return 0;
    }
    print(out, "hist: no memory for the eviction times of %u swap slots\n", swap_total());
    return 1;
}

static void stop(struct printer *out)
{
    if (histograms.on)
        histograms_stop();
    print_state(out);
}

static int command_run(int argc, char **argv, struct printer *out)
{
    const char *what = argc > 1 ? argv[1] : "";
    if (strcmp(what, "reuse") == 0)
        return reuse_run(argc - 2, argv + 2, out);
    if (argc > 2) {
        print(out, "hist: %s: unexpected argument %s\n", what, argv[2]);
        return 1;
    }
    if (argc == 1)
        return print_all(out);
    if (strcmp(what, "on") == 0)
        return start(out);
    if (strcmp(what, "off") == 0) {
        stop(out);
    } else if (strcmp(what, "reset") == 0) {
        histograms_reset();
        print_state(out);
    } else if (strcmp(what, "fault") == 0) {
        histograms_print_faults(out);
    } else if (strcmp(what, "refault") == 0) {
        histograms_print_refaults(out);
    } else if (strcmp(what, "residence") == 0) {
        histograms_print_residence(out);
    } else {
        print(out,
              "hist: %s: expected on, off, reset, fault, refault, residence, reuse [FRAMES ..] or no "
              "argument\n",
              what);
        return 1;
    }
    return 0;
}

COMMAND_AT_STOP(hist, "[on|off|reset | WHAT]", "distributions: fault, refault, residence, reuse [FRAMES ..]",
                command_run, .words = "on off reset fault refault residence reuse",
                .more =
                    "  hist on, then programs, then hist, or one of:\n"
                    "    fault      what faults cost, in ticks, by case\n"
                    "    refault    how many pages went between a page's eviction and its return\n"
                    "    residence  how long pages stay, in faults\n"
                    "    reuse      how many other pages were referenced in between; after exact run PROG.\n"
                    "               reuse 8 16: the faults of LRU with so many frames, too\n");
