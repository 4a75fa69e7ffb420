/* SPDX-License-Identifier: MIT
 * Reads a program's numeric arguments and says what is legal when they are not. */
#include "lib/print.h"
#include "user/rt/program.h"

static int param_count(void)
{
    int n = 0;
    while (n < MAX_PARAMS && program.params[n].name != NULL)
        n++;
    return n;
}

static NORETURN void bad_args(void)
{
    char text[200] = "(no arguments)";
    int at = 0;
    for (int i = 0; i < param_count(); i++) {
        const struct param *p = &program.params[i];
        at += format(text + at, sizeof text - (size_t)at, "%s[%s: %u..%u, default %u]", i ? " " : "", p->name,
                     p->low, p->high, p->initial);
    }
    usage(text);
}

void read_args(int argc, char **argv, unsigned *values)
{
    if (argc > param_count() + 1)
        bad_args();
    for (int i = 0; i < param_count(); i++) {
        const struct param *p = &program.params[i];
        uint32_t v = p->initial;
        if (i + 1 < argc && (!parse_u32(argv[i + 1], false, &v) || v < p->low || v > p->high))
            bad_args();
        values[i] = v;
    }
}
