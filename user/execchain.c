/* SPDX-License-Identifier: MIT
 * Runs itself again and again, each time with one more environment string, and checks that arguments and
 * environment arrive whole. */
#include "lib/print.h"
#include "lib/string.h"
#include "user/rt/program.h"
#include "user/rt/sys.h"

enum { LINKS_MAX = 60, TEXT = 24 };

const struct program program = {"execchain", {{"LINKS", 10, 0, LINKS_MAX}, {"DONE", 0, 0, LINKS_MAX}}};

static void string_of(char *text, unsigned i)
{
    format(text, TEXT, "LINK%u=%08x", i, i * 0x01010101);
}

static void check_environment(char **envp, unsigned expected)
{
    char text[TEXT];
    for (unsigned i = 0; i < expected; i++) {
        string_of(text, i);
        if (envp[i] == NULL || strcmp(envp[i], text) != 0)
            fail("environment string %u is %s, expected %s", i, envp[i] ? envp[i] : "(none)", text);
    }
    if (envp[expected] != NULL)
        fail("environment string %u is %s, expected none", expected, envp[expected]);
}

int main(int argc, char **argv, char **envp)
{
    unsigned args[MAX_PARAMS];
    read_args(argc, argv, args);
    unsigned links = args[0], done = args[1];
    check_environment(envp, done);
    if (done == links)
        return ok("links=%u", links);
    static char strings[LINKS_MAX][TEXT], next[12];
    char *environment[LINKS_MAX + 1] = {NULL}, all[12];
    char *arguments[] = {argv[0], all, next, NULL};
    format(all, sizeof all, "%u", links);
    format(next, sizeof next, "%u", done + 1);
    for (unsigned i = 0; i <= done; i++) {
        string_of(strings[i], i);
        environment[i] = strings[i];
    }
    fail("execve errno=%ld", -sys_execve("/bin/execchain", arguments, environment));
}
