/* SPDX-License-Identifier: MIT
 * The 8042 controller and scancode set 1, US layout. */
#include "drivers/keyboard.h"
#include "arch/x86/io.h"
#include "arch/x86/trap.h"
#include "drivers/fkeys.h"
#include "drivers/input.h"
#include "drivers/pic.h"

enum { DATA = 0x60, STATUS = 0x64, COMMAND = 0x64, KEYBOARD_IRQ = 1 };
enum { STATUS_OUTPUT_FULL = 1, STATUS_INPUT_FULL = 2, STATUS_ABSENT = 0xff };
enum { DISABLE_PORT1 = 0xad, DISABLE_PORT2 = 0xa7, ENABLE_PORT1 = 0xae, WRITE_CONFIG = 0x60 };
enum { CONFIG_IRQ1 = 1, CONFIG_SYSTEM = 4, CONFIG_PORT2_OFF = 32 };
enum { CONFIG_TRANSLATE = 64 }; /* to scancode set 1 */
enum { DEVICE_ENABLE_SCANNING = 0xf4 };
enum { POLL_LIMIT = 100000, FLUSH_LIMIT = 32 };

enum {
    RELEASED = 0x80,
    EXTENDED = 0xe0,
    F1 = 0x3b,
    F10 = 0x44,
    LEFT_SHIFT = 0x2a,
    RIGHT_SHIFT = 0x36,
    CONTROL = 0x1d,
    CAPS_LOCK = 0x3a
};
enum {
    KEYPAD_ENTER = 0x1c,
    HOME = 0x47,
    UP = 0x48,
    LEFT = 0x4b,
    RIGHT = 0x4d,
    END = 0x4f,
    DOWN = 0x50,
    REMOVE = 0x53
};

/* What a terminal sends for these keys. */
static const struct {
    uint8_t code;
    const char *sequence;
} extended_keys[] = {{KEYPAD_ENTER, "\n"}, {UP, "\033[A"},   {DOWN, "\033[B"}, {RIGHT, "\033[C"},
                     {LEFT, "\033[D"},     {HOME, "\033[H"}, {END, "\033[F"},  {REMOVE, "\033[3~"}};

static const char plain[] = "\0\0331234567890-=\b\tqwertyuiop[]\n\0asdfghjkl;'`\0\\zxcvbnm,./\0*\0 ";
static const char shifted[] = "\0\033!@#$%^&*()_+\b\tQWERTYUIOP{}\n\0ASDFGHJKL:\"~\0|ZXCVBNM<>?\0*\0 ";

static bool shift, control, caps, caps_held, extended;

static void send(uint16_t port, uint8_t value)
{
    for (uint32_t i = 0; i < POLL_LIMIT && (inb(STATUS) & STATUS_INPUT_FULL); i++)
        cpu_relax();
    outb(port, value);
}

static void press_extended(uint8_t code)
{
    for (size_t i = 0; i < ARRAY_SIZE(extended_keys); i++)
        if (extended_keys[i].code == code)
            for (const char *c = extended_keys[i].sequence; *c != '\0'; c++)
                input_push(*c);
}

static void press(uint8_t code)
{
    char c = code < sizeof plain - 1 ? (shift ? shifted : plain)[code] : '\0';
    bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    if (c == '\0')
        return;
    if (letter && caps)
        c ^= 0x20;
    if (letter && control)
        c &= 0x1f;
    input_push(c);
}

static void take(uint8_t code)
{
    bool down = !(code & RELEASED);
    bool was_extended = extended;
    extended = code == EXTENDED;
    if (extended)
        return;
    code &= (uint8_t)~RELEASED;
    if (code == LEFT_SHIFT || code == RIGHT_SHIFT) {
        if (!was_extended) /* extended shifts are made up by the keyboard around arrow keys */
            shift = down;
    } else if (code == CONTROL) {
        control = down;
    } else if (code == CAPS_LOCK) {
        caps ^= down && !caps_held; /* a held key repeats */
        caps_held = down;
    } else if (down && was_extended) {
        press_extended(code);
    } else if (down && code >= F1 && code <= F10) {
        fkeys_press((uint32_t)(code - F1) + 1);
    } else if (down) {
        press(code);
    }
}

static void interrupt(void)
{
    for (uint32_t i = 0; i < FLUSH_LIMIT && (inb(STATUS) & STATUS_OUTPUT_FULL); i++)
        take(inb(DATA));
}

void keyboard_init(void)
{
    if (inb(STATUS) == STATUS_ABSENT)
        return;
    send(COMMAND, DISABLE_PORT1);
    send(COMMAND, DISABLE_PORT2);
    for (uint32_t i = 0; i < FLUSH_LIMIT && (inb(STATUS) & STATUS_OUTPUT_FULL); i++)
        inb(DATA);
    send(COMMAND, WRITE_CONFIG);
    send(DATA, CONFIG_IRQ1 | CONFIG_SYSTEM | CONFIG_PORT2_OFF | CONFIG_TRANSLATE);
    send(COMMAND, ENABLE_PORT1);
    irq_set_handler(KEYBOARD_IRQ, interrupt);
    pic_unmask(KEYBOARD_IRQ);
    send(DATA, DEVICE_ENABLE_SCANNING);
}
