/* SPDX-License-Identifier: MIT
 * Cutting command lines into words. */
#include "lib/command.h"

int command_split(char *line, char **argv, int max)
{
    int argc = 0;
    for (char *at = line; *at != '\0';) {
        while (*at == ' ')
            *at++ = '\0';
        if (*at == '\0')
            break;
        if (argc == max)
            return -1;
        char stop = ' ';
        if (*at == '"') {
            stop = '"';
            at++;
        }
        argv[argc++] = at;
        while (*at != '\0' && *at != stop)
            at++;
        if (*at == '"')
            *at++ = '\0';
    }
    return argc;
}
