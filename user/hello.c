/* SPDX-License-Identifier: MIT
 * The smallest program: says that it ran. */
#include "user/rt/program.h"

const struct program program = {.name = "hello"};

int main(int argc UNUSED, char **argv UNUSED, char **envp UNUSED)
{
    return ok("from ring 3");
}
