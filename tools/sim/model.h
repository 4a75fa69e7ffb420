/* SPDX-License-Identifier: MIT
 * The model of one pool: a policy, a number of frames and a trace. It makes the calls that the kernel makes
 * in exact mode, in the same order, so that both count the same faults. */
#ifndef TOOLS_SIM_MODEL_H
#define TOOLS_SIM_MODEL_H

#include "mm/policy.h"
#include "tools/sim/trace.h"

struct model_options {
    bool sampled;   /* `touched` is not called, but for policies that cannot do without: baselines */
    bool deferred;  /* accessed=ad, see enum accessed_mode in mm/pool.h; else a1 */
    uint32_t seed;  /* for the policy */
    uint32_t check; /* verify the policy and ask for its reasons every so many references; 0: never */
};

struct model_result {
    uint32_t faults;
    uint32_t writebacks; /* evictions of pages that were written since they came in */
};

/* Runs the whole trace. next_use: trace_next_use, or NULL if p does not need it. Ends the program with a
 * message that names the policy if it breaks its contract. */
struct model_result model_run(const struct trace *t, const struct policy *p, uint32_t frames,
                              const uint32_t *next_use, const struct model_options *options);

#endif
