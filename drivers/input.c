/* SPDX-License-Identifier: MIT
 * A ring of characters. */
#include "drivers/input.h"

enum { RING = 1024 };

static char ring[RING];
static uint32_t head, tail; /* count up for ever; head - tail is the number queued */
static uint32_t lost;
static void (*waker)(void);

void input_push(char c)
{
    if (head - tail < RING)
        ring[head++ % RING] = c;
    else
        lost++;
    if (waker != NULL)
        waker();
}

int input_pop(void)
{
    return head == tail ? -1 : (unsigned char)ring[tail++ % RING];
}

void input_set_waker(void (*wake)(void))
{
    waker = wake;
}

uint32_t input_lost(void)
{
    return lost;
}
