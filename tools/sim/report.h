/* SPDX-License-Identifier: MIT
 * What the simulator prints: a table, lines for programs, curves, a summary of several traces. */
#ifndef TOOLS_SIM_REPORT_H
#define TOOLS_SIM_REPORT_H

#include "tools/sim/model.h"

struct outcome {
    struct model_result result;
    uint64_t ns; /* of the host's time that the run took */
};

/* One trace under several policies with several numbers of frames. */
struct report {
    const struct trace *trace;
    const struct model_options *options;
    bool timed; /* lines say how long the run took */
    const struct policy **players;
    uint32_t player_count;
    uint32_t *frames;
    uint32_t frames_count;
    struct outcome *outcomes; /* by policy, then by number of frames: report_at */
    uint32_t *opt;            /* OPT's faults by number of frames; NULL: not known */
};

static inline struct outcome *report_at(const struct report *r, uint32_t p, uint32_t size)
{
    return &r->outcomes[p * r->frames_count + size];
}

void report_table(const struct report *r); /* fewest faults first */
void report_lines(const struct report *r); /* sim key=value ... */
void report_curve(const struct report *r); /* tab-separated: policy frames faults ratio */

/* Several traces in one figure for each policy: the geometric mean of faults / OPT. */
struct summary {
    const struct policy **players;
    uint32_t player_count;
    double *logs; /* by policy, sums */
    uint32_t runs, traces;
};

void summary_add(struct summary *s, const struct report *r);

/* Prints nothing if there was only one trace, or OPT is not known. */
void summary_print(const struct summary *s);

#endif
