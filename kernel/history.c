/* SPDX-License-Identifier: MIT
 * The commands of this session, as many as are kept. */
#include "kernel/edit.h"
#include "lib/string.h"

enum { HISTORY_LINES = 64 };

static char lines[HISTORY_LINES][CONSOLE_LINE];
static uint32_t entered; /* counts up for ever */

void history_add(const char *line)
{
    while (*line == ' ')
        line++;
    const char *newest = history_back(1);
    if (*line == '\0' || (newest != NULL && strcmp(newest, line) == 0))
        return;
    str_copy(lines[entered++ % HISTORY_LINES], CONSOLE_LINE, line);
}

const char *history_back(uint32_t n)
{
    return n > 0 && n <= MIN(entered, (uint32_t)HISTORY_LINES) ? lines[(entered - n) % HISTORY_LINES] : NULL;
}

bool history_lost(void)
{
    return entered > HISTORY_LINES;
}
