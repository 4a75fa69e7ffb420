/* SPDX-License-Identifier: MIT
 * Names by pid. */
#include "tools/trace/procs.h"
#include "tools/trace/reader.h"
#include "tools/trace/trace.h"
#include <string.h>

static char *names[PIDS];
static uint32_t going_on; /* the pid whose name goes on in the next event; 0: none */

void proc_seen(const struct trace_event *e)
{
    char text[TRACE_TEXT + 1];
    bool more = e->kind == EVENT_START && going_on == e->pid && e->pid != 0;
    going_on = 0;
    if (e->kind != EVENT_START)
        return;
    if (event_text(e, text))
        going_on = e->pid;
    if (names[e->pid] == NULL)
        names[e->pid] = host_array(NULL, 0, PROC_NAME, 1);
    size_t had = more ? strlen(names[e->pid]) : 0;
    snprintf(names[e->pid] + had, PROC_NAME - had, "%s", text);
}

const char *proc_name(uint32_t pid)
{
    return pid == 0 ? "kernel" : names[pid] != NULL ? names[pid] : "?";
}

void proc_title(uint32_t pid, char title[PROC_TITLE])
{
    if (pid == 0)
        format(title, PROC_TITLE, "kernel");
    else
        format(title, PROC_TITLE, "%s %u", names[pid] != NULL ? names[pid] : "pid", pid);
}
