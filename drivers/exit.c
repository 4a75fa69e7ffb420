/* SPDX-License-Identifier: MIT
 * Every way out that an emulator offers, best first. A triple fault also ends QEMU, with status 0: so
 * success has a number of its own. */
#include "drivers/exit.h"
#include "arch/x86/io.h"
#include "drivers/serial.h"
#include "drivers/vga.h"
#include "lib/log.h"
#include "lib/trace.h"

enum { QEMU_DEBUG_EXIT = 0xf4, EXIT_OK = 0x10, EXIT_FAILURE = 0x11 }; /* status = value * 2 + 1 */
enum { BOCHS_SHUTDOWN = 0x8900 };
enum { ACPI_PM1A = 0x604, ACPI_SLEEP_S5 = 0x2000 };

void machine_exit(bool ok)
{
    (void)irq_save();
    trace_flush();
    vga_flush();
    serial_drain();
    outb(QEMU_DEBUG_EXIT, ok ? EXIT_OK : EXIT_FAILURE);
    for (const char *s = "Shutdown"; *s != '\0'; s++)
        outb(BOCHS_SHUTDOWN, (uint8_t)*s);
    if (ok)
        outw(ACPI_PM1A, ACPI_SLEEP_S5);
    print(&log_console, "It is now safe to turn off the machine.\n");
    vga_flush();
    cpu_halt_forever();
}
