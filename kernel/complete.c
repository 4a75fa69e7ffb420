/* SPDX-License-Identifier: MIT
 * The Tab key: what the word before the cursor could become. */
#include "kernel/edit.h"
#include "kernel/monitor.h"
#include "lib/command.h"
#include "lib/log.h"
#include "lib/string.h"

/* Two passes over the names: the first finds what they have in common, the second, if that does not help,
 * prints them. */
struct finder {
    struct completion c;
    bool printing;
    uint32_t count, column;
    char rest[CONSOLE_LINE]; /* what all of them have behind the part that is typed */
};

static void print_name(struct finder *f, const char *name)
{
    enum { WIDTH = 78, GAP = 2 };
    uint32_t length = (uint32_t)strlen(name) + GAP;
    if (f->column > 0 && f->column + length > WIDTH) {
        print(&log_console, "\n");
        f->column = 0;
    }
    print(&log_console, "%s  ", name);
    f->column += length;
}

static void offered(struct completion *c, const char *name)
{
    struct finder *f = container_of(c, struct finder, c);
    size_t typed = strlen(c->word), same = 0;
    if (strncmp(name, c->word, typed) != 0)
        return;
    name += typed;
    if (f->printing) {
        print_name(f, name - typed);
    } else if (f->count++ == 0) {
        str_copy(f->rest, sizeof f->rest, name);
    } else {
        while (f->rest[same] != '\0' && f->rest[same] == name[same])
            same++;
        f->rest[same] = '\0';
    }
}

void complete_commands(struct completion *c)
{
    for (const struct command *const *command = __start_commands; command < __stop_commands; command++)
        complete_offer(c, (*command)->name);
}

/* argv[0..argc) precede the word. */
static void find(struct finder *f, int argc, char **argv, const char *word)
{
    const struct command *command = argc > 0 ? command_find(argv[0]) : NULL;
    f->c = (struct completion){.word = word, .offer = offered};
    if (argc == 0)
        complete_commands(&f->c);
    if (command == NULL)
        return;
    if (command->words != NULL && argc == 1)
        complete_words(&f->c, command->words);
    if (command->complete != NULL)
        command->complete(argc, argv, &f->c);
}

void edit_complete(struct editor *e)
{
    static char text[CONSOLE_LINE], empty[1];
    static struct finder f;
    char *argv[MONITOR_ARGS];
    f = (struct finder){0};
    memcpy(text, e->line, e->at);
    text[e->at] = '\0';
    bool begins = e->at == 0 || text[e->at - 1] == ' ';
    int argc = command_split(text, argv, MONITOR_ARGS);
    if (argc < 0)
        return;
    const char *word = begins ? empty : argv[--argc];
    find(&f, argc, argv, word);
    if (f.count == 0)
        return;
    size_t n = strlen(f.rest);
    char last = n > 0 ? f.rest[n - 1] : '\0';
    edit_insert(e, f.rest, n);
    if (f.count == 1 && last != '=' && last != '/')
        edit_insert(e, " ", 1);
    if (f.count == 1 || n > 0)
        return;
    print(&log_console, "\n");
    f.printing = true;
    find(&f, argc, argv, word);
    print(&log_console, "\n");
    edit_redraw(e);
}
