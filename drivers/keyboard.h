/* SPDX-License-Identifier: MIT
 * The PS/2 keyboard; keys go to drivers/input.h. */
#ifndef DRIVERS_KEYBOARD_H
#define DRIVERS_KEYBOARD_H

/* Sets the controller up from scratch. Does nothing where there is none. */
void keyboard_init(void);

#endif
