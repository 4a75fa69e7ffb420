/* SPDX-License-Identifier: MIT
 * Splitting command lines, finding commands, prompting. */
#include "kernel/monitor.h"
#include "drivers/exit.h"
#include "kernel/console.h"
#include "kernel/edit.h"
#include "lib/command.h"
#include "lib/log.h"
#include "lib/string.h"

#define PROMPT "faultline> "

struct pool main_pool;

static uint32_t failures;

static int run_line(char *line)
{
    char *argv[MONITOR_ARGS];
    int argc = command_split(line, argv, MONITOR_ARGS);
    if (argc == 0)
        return 0;
    const struct command *c = argc > 0 ? command_find(argv[0]) : NULL;
    if (argc < 0)
        print(&log_console, "more than %d words in a command\n", MONITOR_ARGS);
    else if (c == NULL)
        print(&log_console, "%s: no such command; help lists them\n", argv[0]);
    else if (c->args[0] == '\0' && argc > 1)
        print(&log_console, "%s: unexpected argument %s\n", argv[0], argv[1]);
    else
        return c->run(argc, argv, &log_console);
    return 1;
}

int monitor_command(char *line)
{
    int result = run_line(line);
    failures += result != 0;
    return result;
}

void monitor_command_at_stop(char *line)
{
    char text[CONSOLE_LINE], *name;
    str_copy(text, sizeof text, line);
    /* cut as monitor_command cuts it, so that both see the same name */
    const struct command *c = command_split(text, &name, 1) != 0 ? command_find(name) : NULL;
    if (c != NULL && !c->at_stop)
        print(&log_console,
              "%s: not while a fault is stopped: Enter goes on to the next stop, c lets it run\n", c->name);
    else
        monitor_command(line);
}

int monitor_script_line(char *line)
{
    print(&log_console, PROMPT "%s\n", line);
    return run_line(line);
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
            history_add(line);
            failures += monitor_script_line(line) != 0;
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
        if (!console_command(PROMPT, line, sizeof line))
            monitor_command(quit);
        failures = 0; /* a person at the prompt sees errors; only the last command decides the status */
        monitor_command(line);
    }
}

static void help_line(const struct command *c, struct printer *out)
{
    print(out, "  %-10s %-26s %s\n", c->name, c->args, c->help);
}

/* In order of name: the linker's order means nothing to people. */
static void help_all(struct printer *out)
{
    const char *last = "";
    for (;;) {
        const struct command *next = NULL;
        for (const struct command *const *c = __start_commands; c < __stop_commands; c++)
            if (strcmp((*c)->name, last) > 0 && (next == NULL || strcmp((*c)->name, next->name) < 0))
                next = *c;
        if (next == NULL)
            return;
        last = next->name;
        help_line(next, out);
    }
}

static int help_run(int argc, char **argv, struct printer *out)
{
    if (argc > 2) {
        print(out, "help: expected no argument, or one command\n");
        return 1;
    }
    if (argc == 1) {
        help_all(out);
        return 0;
    }
    const struct command *c = command_find(argv[1]);
    if (c == NULL) {
        print(out, "help: %s: no such command\n", argv[1]);
        return 1;
    }
    help_line(c, out);
    if (c->more != NULL)
        print(out, "%s", c->more);
    return 0;
}

static void help_complete(int argc, char **argv UNUSED, struct completion *c)
{
    if (argc == 1)
        complete_commands(c);
}

COMMAND_AT_STOP(help, "[COMMAND]", "this list; of a command, what more there is to say about it", help_run,
                .complete = help_complete);

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

void complete_log_classes(struct completion *c)
{
    complete_last_item(c, ",+-");
    complete_words(c, "quiet");
    for (uint32_t i = 0; log_class_name(i) != NULL; i++)
        complete_offer(c, log_class_name(i));
}

static void log_complete(int argc, char **argv UNUSED, struct completion *c)
{
    if (argc == 1)
        complete_log_classes(c);
}

COMMAND_AT_STOP(log, "[CLASSES]", "event classes: e.g. log quiet, log +swap, log fault,evict", log_run,
                .complete = log_complete);
