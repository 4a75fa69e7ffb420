/* SPDX-License-Identifier: MIT
 * Cutting command lines into words. */
#include "lib/command.h"
#include "lib/string.h"

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

bool command_in_fault;

bool command_may_sleep(const char *what, struct printer *out)
{
    if (command_in_fault)
        print(out, "%s: not while a fault is stopped: it may sleep or evict\n", what);
    return !command_in_fault;
}

void complete_words(struct completion *c, const char *words)
{
    char name[32];
    while (*words != '\0') {
        const char *end = strchr(words, ' ');
        size_t length = end != NULL ? (size_t)(end - words) : strlen(words);
        format(name, sizeof name, "%.*s", (int)length, words);
        complete_offer(c, name);
        words += length + (end != NULL);
    }
}

bool complete_after(struct completion *c, const char *prefix)
{
    size_t length = strlen(prefix);
    if (strncmp(c->word, prefix, length) != 0)
        return false;
    c->word += length;
    return true;
}

void complete_last_item(struct completion *c, const char *separators)
{
    for (const char *at = c->word; *at != '\0'; at++)
        if (strchr(separators, *at) != NULL)
            c->word = at + 1;
}

const struct command *command_find(const char *name)
{
    for (const struct command *const *c = __start_commands; c < __stop_commands; c++)
        if (strcmp((*c)->name, name) == 0)
            return *c;
    return NULL;
}
