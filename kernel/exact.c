/* SPDX-License-Identifier: MIT
 * exact, reftrace: a program's true page-reference string, recorded and printed. */
#include "mm/exact.h"
#include "kernel/monitor.h"
#include "kernel/run.h"
#include "lib/command.h"
#include "lib/string.h"
#include "mm/port.h"

static char recorded[24]; /* the program, for the trace's name */

static bool in_background(int argc, char **argv)
{
    return argc > 0 && strcmp(argv[argc - 1], "&") == 0;
}

/* Somebody whose references are trapped already, and so would be recorded with others'. => NULL: nobody */
static const struct space *trapped(void)
{
    list_for_each (n, &all_spaces)
        if (container_of(n, struct space, link)->exact != NULL)
            return container_of(n, struct space, link);
    return NULL;
}

int run_exact(int argc, char **argv, const struct run_options *o, struct printer *out)
{
    struct run_options options = *o;
    options.always |= REGION_EXACT | REGION_FRAMES;
    if (in_background(argc, argv)) /* trapped all the same, but a recording ends when the command does */
        return run_programs(argc, argv, &options, out);
    const struct space *other = trapped();
    if (other != NULL) {
        print(out,
              "exact: the references of pid %u would be recorded, too: expected that it has ended (wait, "
              "kill %u)\n",
              other->pmap.tag, other->pmap.tag);
        return 1;
    }
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
    if (in_background(argc, argv)) {
        print(out, "exact: &: expected no & at the end: what is recorded must have ended\n");
        return 1;
    }
    return run_exact(argc - 2, argv + 2, &(struct run_options){.summary = true}, out);
}

static void exact_complete(int argc, char **argv, struct completion *c)
{
    if (argc == 1)
        complete_words(c, "run");
    else
        complete_programs(argc - 1, argv + 1, c);
}

COMMAND(exact, "run PROG [ARG..] [& PROG ..]",
        "run, every page reference trapped and recorded; then: reftrace", exact_run,
        .complete = exact_complete);

enum { A_LINE = 16 };

/* For who can read the machine's memory from outside: faster than a serial line. */
static void print_pieces(struct printer *out)
{
    const uint32_t *piece;
    print(out, "reftrace memory name=%s words=%u piece=%u at=", recorded, recorder_count(), RECORDER_PIECE);
    for (uint32_t n = 0; (piece = recorder_piece(n)) != NULL; n++)
        print(out, "%s%#x", n > 0 ? "," : "", ptr_to_phys(piece));
    print(out, "\n");
}

static int reftrace_run(int argc, char **argv, struct printer *out)
{
    uint32_t count = recorder_count();
    bool memory = argc == 2 && strcmp(argv[1], "memory") == 0;
    if (argc > 1 && !memory) {
        print(out, "reftrace: %s: expected no argument, or: memory\n", argv[1]);
        return 1;
    }
    if (count == 0) {
        print(out, "reftrace: nothing is recorded; first: exact run PROG\n");
        return 1;
    }
    if (memory) {
        print_pieces(out);
        return recorder_lost() > 0;
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

COMMAND_AT_STOP(
    reftrace, "[memory]",
    "print the references that exact recorded, hexadecimal page numbers, w = written; memory: where they are",
    reftrace_run, .words = "memory");
