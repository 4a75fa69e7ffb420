/* SPDX-License-Identifier: MIT
 * A ring of characters. */
#include "drivers/input.h"

enum { RING = 1024, SPARE = 8 /* for what fkeys.c may hold, and then gives back at once */ };

static char ring[RING];
static uint32_t head, tail; /* count up for ever; head - tail is the number queued */
static uint32_t lost;
static void (*waker)(void), (*refiller)(void);

bool input_has_room(void)
{
    return head - tail < RING - SPARE;
}

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
    if (head == tail && refiller != NULL)
        refiller();
    return head == tail ? -1 : (unsigned char)ring[tail++ % RING];
}

void input_set_waker(void (*wake)(void))
{
    waker = wake;
}

void input_set_refill(void (*refill)(void))
{
    refiller = refill;
}

uint32_t input_lost(void)
{
    return lost;
}
