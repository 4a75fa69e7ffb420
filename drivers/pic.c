/* SPDX-License-Identifier: MIT
 * 8259A set-up and end of interrupt (Intel 8259A data sheet, initialisation command words 1 to 4). */
#include "drivers/pic.h"
#include "arch/x86/io.h"
#include "arch/x86/trap.h"

enum { MASTER = 0x20, SLAVE = 0xa0, COMMAND = 0, DATA = 1 }; /* ports: base + register */
enum { ICW1_INIT_WITH_ICW4 = 0x11, ICW4_8086 = 0x01, CASCADE_IRQ = 2 };
enum { OCW2_EOI = 0x20, OCW3_READ_ISR = 0x0b, ALL_MASKED = 0xff };

static uint16_t masked = 0xffff & ~(1 << CASCADE_IRQ);

static void load_masks(void)
{
    outb(MASTER + DATA, (uint8_t)masked);
    outb(SLAVE + DATA, (uint8_t)(masked >> 8));
}

/* IRQ 7 and 15 also come when a line drops before it is acknowledged; then no service bit is set, and
 * the chip must not get an end of interrupt. */
static bool spurious(unsigned irq)
{
    uint16_t chip = irq < 8 ? MASTER : SLAVE;
    if (irq % 8 != 7)
        return false;
    outb(chip + COMMAND, OCW3_READ_ISR);
    return !(inb(chip + COMMAND) & 1 << 7);
}

static void end_of_interrupt(unsigned irq)
{
    bool real = !spurious(irq);
    if (irq >= 8) {
        if (real)
            outb(SLAVE + COMMAND, OCW2_EOI);
        real = true; /* the cascade line did fire */
    }
    if (real)
        outb(MASTER + COMMAND, OCW2_EOI);
}

void pic_init(void)
{
    outb(MASTER + COMMAND, ICW1_INIT_WITH_ICW4);
    outb(SLAVE + COMMAND, ICW1_INIT_WITH_ICW4);
    outb(MASTER + DATA, VECTOR_IRQ);
    outb(SLAVE + DATA, VECTOR_IRQ + 8);
    outb(MASTER + DATA, 1 << CASCADE_IRQ);
    outb(SLAVE + DATA, CASCADE_IRQ);
    outb(MASTER + DATA, ICW4_8086);
    outb(SLAVE + DATA, ICW4_8086);
    load_masks();
    irq_set_eoi(end_of_interrupt);
}

void pic_unmask(unsigned irq)
{
    masked &= (uint16_t) ~(1u << irq);
    load_masks();
}
