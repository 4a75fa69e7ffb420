/* SPDX-License-Identifier: MIT
 * What the simulator prints: a table, lines for programs, curves. */
#ifndef TOOLS_SIM_REPORT_H
#define TOOLS_SIM_REPORT_H

#include "tools/sim/model.h"

/* One trace under several policies with several numbers of frames. */
struct report {
    const struct trace *trace;
    const struct model_options *options;
    const struct policy **players;
    uint32_t player_count;
    uint32_t *frames;
    uint32_t frames_count;
    struct model_result *results; /* [player * frames_count + size] */
    uint32_t *opt;                /* OPT's faults by size; NULL: not known */
};

static inline const struct model_result *report_at(const struct report *r, uint32_t p, uint32_t size)
{
    return &r->results[p * r->frames_count + size];
}

void report_table(const struct report *r); /* fewest faults first */
void report_lines(const struct report *r); /* sim key=value ... */
void report_curve(const struct report *r); /* tab-separated: policy frames faults ratio */

#endif
