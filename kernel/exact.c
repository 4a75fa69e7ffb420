/* SPDX-License-Identifier: MIT
 * exact, reftrace: a program's true page-reference string, recorded and printed. */
#include "mm/exact.h"
#include "kernel/run.h"
#include "lib/command.h"
#include "lib/string.h"

static char recorded[24]; /* the program, for the trace's name */

int run_exact(int argc, char **argv, const struct run_options *o, struct printer *out)
{
    struct run_options options = *o;
    options.always |= REGION_EXACT | REGION_FRAMES;
    recorder_reset(true);
    str_copy(recorded, sizeof recorded, argv[0]);
    int result = run_programs(argc, argv, &options, out);
    recorder_stop();
    print(out, "exact references=%u lost=%u\n", recorder_count(), recorder_lost());
    if (recorder_lost() > 0)
        print(out,
              "exact: the string ends where memory ran out; give the machine more (MEM=), or swap less\n");
    return result;
}

static int exact_run(int argc, char **argv, struct printer *out)
{
    if (argc < 3 || strcmp(argv[1], "run") != 0) {
        print(out, "exact: expected run and a program: exact run matmul\n");
        return 1;
    }
    return run_exact(argc - 2, argv + 2, &(struct run_options){.summary = true}, out);
}

COMMAND(exact, "run PROG [ARG..] [& PROG ..]",
        "run, every page reference trapped and recorded; then: reftrace", exact_run);

enum { A_LINE = 16 };

static int reftrace_run(int argc UNUSED, char **argv UNUSED, struct printer *out)
{
    uint32_t count = recorder_count();
    if (count == 0) {
        print(out, "reftrace: nothing is recorded; first: exact run PROG\n");
        return 1;
    }
    print(out, "reftrace begin name=%s\n", recorded);
    for (uint32_t i = 0; i < count; i++) {
        uint32_t r = recorder_at(i);
        print(out, "%x%s%s", r >> RECORD_PAGE_SHIFT, r & RECORD_WRITE ? "w" : "",
              i % A_LINE == A_LINE - 1 || i == count - 1 ? "\n" : " ");
    }
    print(out, "reftrace end refs=%u entries=%u\n", count, count);
    return recorder_lost() > 0;
}

COMMAND(reftrace, "", "print the references that exact recorded, in hexadecimal page numbers, w = written",
        reftrace_run);
