/* SPDX-License-Identifier: MIT
 * Characters of 16 or 8 scan lines: 25 or 50 rows on a screen of 400. */
#ifndef DRIVERS_VGA_FONT_H
#define DRIVERS_VGA_FONT_H

#include "lib/types.h"

/* Programs the height of a character, and loads a font of that height. => text mode 3; rows is 25 or 50 */
void vga_font_rows(uint32_t rows);

#endif
