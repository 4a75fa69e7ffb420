/* SPDX-License-Identifier: MIT
 * The pair of 8259 interrupt controllers. */
#ifndef DRIVERS_PIC_H
#define DRIVERS_PIC_H

#include "lib/types.h"

/* Moves IRQ 0..15 to vectors 32..47, away from the CPU's exceptions; all masked. */
void pic_init(void);
void pic_unmask(unsigned irq);

#endif
