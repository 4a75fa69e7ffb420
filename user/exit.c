/* SPDX-License-Identifier: MIT
 * Ends with the status it is told. Tests that a status reaches whoever waits for it. */
#include "user/rt/program.h"

const struct program program = {"exit", {{"STATUS", 0, 0, 255}}};

int main(int argc, char **argv, char **envp UNUSED)
{
    unsigned status[1];
    read_args(argc, argv, status);
    ok("status=%u", status[0]);
    return (int)status[0];
}
