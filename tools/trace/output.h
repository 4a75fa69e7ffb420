/* SPDX-License-Identifier: MIT
 * What a trace becomes: one output each, fed with the events in order. */
#ifndef TOOLS_TRACE_OUTPUT_H
#define TOOLS_TRACE_OUTPUT_H

#include "tools/trace/reader.h"
#include "tools/trace/trace.h"

struct output {
    const char *name, *summary;
    void (*begin)(struct out *o); /* may be NULL */
    void (*event)(struct out *o, struct reader *r, const struct trace_event *e);
    void (*end)(struct out *o, struct reader *r); /* may be NULL */
};

extern const struct output output_text, output_csv, output_json, output_oracle, output_txt, output_refcsv,
    output_summary, output_histograms;

#endif
