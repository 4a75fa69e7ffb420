/* SPDX-License-Identifier: MIT
 * Splitting command lines, finding commands, prompting. */
#include "kernel/monitor.h"
#include "drivers/exit.h"
#include "kernel/console.h"
#include "kernel/proc.h"
#include "lib/command.h"
#include "lib/log.h"
#include "lib/string.h"

enum { ARGS_MAX = 48, COMMAND_NAME = 16 };

struct pool main_pool;

static uint32_t failures;

static const struct command *find_command(const char *name)
{
    for (const struct command *const *c = __start_commands; c < __stop_commands; c++)
        if (strcmp((*c)->name, name) == 0)
            return *c;
    return NULL;
}

int monitor_command(char *line)
{
    char *argv[ARGS_MAX];
    int argc = command_split(line, argv, ARGS_MAX);
    if (argc == 0)
        return 0;
    int result = 1;
    const struct command *c = argc > 0 ? find_command(argv[0]) : NULL;
    if (argc < 0)
        print(&log_console, "more than %d words in a command\n", ARGS_MAX);
    else if (c == NULL)
        print(&log_console, "%s: no such command; help lists them\n", argv[0]);
    else if (c->args[0] == '\0' && argc > 1)
        print(&log_console, "%s: unexpected argument %s\n", argv[0], argv[1]);
    else
        result = c->run(argc, argv, &log_console);
    failures += result != 0;
    return result;
}

void monitor_command_at_stop(char *line)
{
    char name[COMMAND_NAME];
    size_t n = 0;
    while (*line == ' ')
        line++;
    while (n + 1 < sizeof name && line[n] != '\0' && line[n] != ' ') {
        name[n] = line[n];
        n++;
    }
    name[n] = '\0';
    const struct command *c = find_command(name);
    if (c != NULL && !c->at_stop)
        print(&log_console,
              "%s: not while a fault is stopped: Enter goes on to the next stop, c lets it run\n", name);
    else
        monitor_command(line);
}

static void run_script(const char *script)
{
    char line[CONSOLE_LINE];
    while (*script != '\0') {
        const char *end = strchr(script, ';');
        size_t len = end ? (size_t)(end - script) : strlen(script);
        size_t skip = 0;
        while (skip < len && script[skip] == ' ')
            skip++;
        if (len - skip >= sizeof line) {
            print(&log_console, "run: a command is longer than %u characters\n", (unsigned)sizeof line - 1);
            failures++;
        } else if (len > skip) {
            memcpy(line, script + skip, len - skip);
            line[len - skip] = '\0';
            print(&log_console, "faultline> %s\n", line);
            monitor_command(line);
        }
        script += end ? len + 1 : len;
    }
}

void monitor_run(const char *script)
{
    if (script != NULL)
        run_script(script);
    console_attended = true;
    print(&log_console, "help lists the commands, quit powers off\n");
    for (;;) {
        char line[CONSOLE_LINE], quit[] = "quit";
        print(&log_console, "faultline> ");
        if (!console_line(line, sizeof line))
            monitor_command(quit);
        failures = 0; /* a person at the prompt sees errors; only the last command decides the status */
        monitor_command(line);
    }
}

static int help_run(int argc, char **argv, struct printer *out)
{
    if (argc > 2) {
        print(out, "help: expected no argument, or one command\n");
        return 1;
    }
    /* in order of name: the linker's order means nothing to people */
    const char *last = "";
    bool found = argc == 1;
    for (;;) {
        const struct command *next = NULL;
        for (const struct command *const *c = __start_commands; c < __stop_commands; c++)
            if (strcmp((*c)->name, last) > 0 && (next == NULL || strcmp((*c)->name, next->name) < 0))
                next = *c;
        if (next == NULL)
            break;
        last = next->name;
        if (argc == 2 && strcmp(argv[1], next->name) != 0)
            continue;
        found = true;
        print(out, "  %-10s %-26s %s\n", next->name, next->args, next->help);
    }
    if (!found)
        print(out, "help: %s: no such command\n", argv[1]);
    return found ? 0 : 1;
}

COMMAND_AT_STOP(help, "[COMMAND]", "this list", help_run);

static int quit_run(int argc UNUSED, char **argv UNUSED, struct printer *out)
{
    print(out, "quit: %u failure%s\n", failures, failures == 1 ? "" : "s");
    machine_exit(failures == 0);
}

COMMAND_AT_STOP(quit, "", "power off; the exit status tells whether every command succeeded", quit_run);

static int log_run(int argc, char **argv, struct printer *out)
{
    if (argc > 2 || (argc == 2 && !log_configure(argv[1]))) {
        print(out, "log: expected " LOG_LIST);
        log_names(out);
        print(out, ", each with + or - if wanted\n");
        return 1;
    }
    log_describe(out);
    return 0;
}

COMMAND_AT_STOP(log, "[CLASSES]", "event classes: e.g. log quiet, log +swap, log fault,evict", log_run);
