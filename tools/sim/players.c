/* SPDX-License-Identifier: MIT
 * Who plays: the kernel's policies, and those that were linked beside them. */
#include "tools/sim/sim.h"
#include <stdio.h>
#include <string.h>

LINKER_SET_DECLARE(const struct policy *const, sim_policies);

const struct policy *player(uint32_t number)
{
    size_t extra = (size_t)(__stop_sim_policies - __start_sim_policies);
    if (number < policy_count)
        return policy_table[number];
    return number - policy_count < extra ? __start_sim_policies[number - policy_count] : NULL;
}

const struct policy *player_find(const char *name)
{
    uint32_t n = 0;
    while (player(n) != NULL && strcmp(player(n)->name, name) != 0)
        n++;
    return player(n);
}

void player_names(char *text, size_t size)
{
    size_t len = 0;
    text[0] = '\0';
    for (uint32_t n = 0; player(n) != NULL && len < size; n++)
        len += (size_t)snprintf(text + len, size - len, "%s%s", n > 0 ? " " : "", player(n)->name);
}
