/* SPDX-License-Identifier: MIT
 * Simulations: which policies with how many frames. */
#ifndef TOOLS_SIM_SIMULATE_H
#define TOOLS_SIM_SIMULATE_H

#include "tools/sim/formats.h"
#include "tools/sim/model.h"

struct simulation {
    struct model_options model;
    const char *players; /* names with commas, or all */
    const char *frames;  /* numbers with commas, percentages of the pages with % */
    uint32_t curve;      /* so many sizes instead; 0: no curve */
    bool lines;          /* for programs, not a table */
    bool no_opt;         /* do not compare with OPT */
    bool timed;          /* lines say how long a run took */
    const struct format *format;
};

/* Reads each trace, runs it and prints what came out. */
void simulate(const struct simulation *sim, char *const *paths, uint32_t count);

#endif
