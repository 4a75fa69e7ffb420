/* SPDX-License-Identifier: MIT
 * Tests of lib/: the formatter against the host's own, numbers, log classes, lists, random numbers. */
#include "lib/command.h"
#include "lib/list.h"
#include "lib/log.h"
#include "lib/random.h"
#include "lib/string.h"
#include "tests/host/test.h"
#include <stdio.h>

enum { LINE = 160 };

static bool same(struct ktest_run *t, const char *fmt, const char *ours, int n, const char *host, int m)
{
    if (n == m && strcmp(ours, host) == 0)
        return true;
    t->failures++;
    print(t->out, "# \"%s\" gives \"%s\" (%d), the host says \"%s\" (%d)\n", fmt, ours, n, host, m);
    return false;
}

/* The formats below are made up at run time, or odd on purpose. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat"
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
#pragma GCC diagnostic ignored "-Wformat-truncation"
#pragma GCC diagnostic ignored "-Wformat-overflow"
#pragma GCC diagnostic ignored "-Wformat-zero-length"

#define SAME(t, ...)                                          \
    do {                                                      \
        char ours_[LINE], host_[LINE];                        \
        int n_ = format(ours_, LINE, __VA_ARGS__);            \
        int m_ = snprintf(host_, LINE, __VA_ARGS__);          \
        same(t, FIRST(__VA_ARGS__, 0), ours_, n_, host_, m_); \
    } while (0)
#define FIRST(a, ...) a

static void make_format(char *fmt, unsigned flags, const char *width, const char *precision, const char *conv)
{
    static const char all[] = "-0+ #";
    char *at = fmt;
    *at++ = '%';
    for (unsigned i = 0; all[i] != '\0'; i++)
        if (flags & 1u << i)
            *at++ = all[i];
    format(at, 16, "%s%s%s", width, precision, conv);
}

TEST(print_integers_as_the_host)
{
    static const char *const widths[] = {"", "1", "7", "30"}, *const precisions[] = {"", ".", ".1", ".5",
                                                                                     ".20"};
    static const char *const conversions[] = {"d", "i", "u", "x", "X", "o", "hhd", "hd", "hhu", "hx"};
    static const unsigned values[] = {0, 1, 8, 255, 65535, 0x7fffffff, 0x80000000, 0xffffffff};
    for (unsigned flags = 0; flags < 32; flags++)
        for (size_t w = 0; w < ARRAY_SIZE(widths); w++)
            for (size_t p = 0; p < ARRAY_SIZE(precisions); p++)
                for (size_t c = 0; c < ARRAY_SIZE(conversions); c++)
                    for (size_t v = 0; v < ARRAY_SIZE(values); v++) {
                        char fmt[32];
                        make_format(fmt, flags, widths[w], precisions[p], conversions[c]);
                        SAME(t, fmt, values[v]);
                        if (t->failures > 3)
                            return;
                    }
}

TEST(print_lengths_as_the_host)
{
    SAME(t, "%ld %lu %lx", -5L, 5UL, ~0UL);
    SAME(t, "%lld %llu %#llx %llo", INT64_MIN, UINT64_MAX, UINT64_MAX, UINT64_MAX);
    SAME(t, "%lld", 4294967296LL);
    SAME(t, "%zu %zx %td", sizeof(int), (size_t)-1, (ptrdiff_t)-3);
    SAME(t, "%jd %ju", (intmax_t)-1, (uintmax_t)1);
    SAME(t, "%hhd %hhu %hd %hu", 300, 300, 70000, 70000);
    int here;
    SAME(t, "%p", (void *)&here);
}

TEST(print_strings_as_the_host)
{
    SAME(t, "plain");
    SAME(t, "");
    SAME(t, "100%%|%c|%5c|%-5c|", 'x', 'y', 'z');
    SAME(t, "|%s|%10s|%-10s|%.2s|%10.2s|%-10.2s|", "abc", "abc", "abc", "abc", "abc", "abc");
    SAME(t, "|%s|%.0s|", "", "abc");
    SAME(t, "|%*d|%-*d|%*d|%.*d|%.*d|", 6, 42, 6, 42, -6, 42, 4, 42, -4, 42);
    SAME(t, "|%*.*s|", 7, 2, "abc");
    const char unterminated[3] = {'a', 'b', 'c'};
    SAME(t, "%.3s", unterminated);
    char text[16];
    EXPECT_EQ(t, format(text, sizeof text, "%s", (const char *)NULL), 6);
    EXPECT(t, strcmp(text, "(null)") == 0);
}

TEST(print_cuts_to_fit)
{
    for (size_t size = 1; size < 12; size++) {
        char ours[16], host[16];
        memset(ours, '#', sizeof ours);
        memset(host, '#', sizeof host);
        int n = format(ours, size, "%s %d", "hello", 1234);
        int m = snprintf(host, size, "%s %d", "hello", 1234);
        EXPECT_EQ(t, n, m);
        EXPECT(t, memcmp(ours, host, sizeof ours) == 0); /* nothing beyond `size` either */
    }
    char byte = '#';
    EXPECT_EQ(t, format(&byte, 0, "%d", 77), 2);
    EXPECT_EQ(t, byte, '#');
}

TEST(print_survives_bad_formats)
{
    char text[16];
    EXPECT_EQ(t, format(text, sizeof text, "a%"), 1);
    EXPECT_EQ(t, format(text, sizeof text, "a%-5"), 1);
    EXPECT_EQ(t, format(text, sizeof text, "a%yb"), 3);
    EXPECT(t, strcmp(text, "ayb") == 0);
}

#pragma GCC diagnostic pop

TEST(parse_u32_numbers)
{
    static const struct {
        const char *text;
        bool units, ok;
        uint32_t value;
    } cases[] = {
        {"0", false, true, 0},
        {"42", false, true, 42},
        {"4294967295", false, true, UINT32_MAX},
        {"4294967296", false, false, 0},
        {"99999999999999999999999", false, false, 0},
        {"0x10", false, true, 16},
        {"0XfF", false, true, 255},
        {"0xffffffff", false, true, UINT32_MAX},
        {"0x100000000", false, false, 0},
        {"0x", false, false, 0},
        {"", false, false, 0},
        {"-1", false, false, 0},
        {"+1", false, false, 0},
        {" 1", false, false, 0},
        {"1 ", false, false, 0},
        {"1a", false, false, 0},
        {"fifo", false, false, 0},
        {"64M", false, false, 0},
        {"64M", true, true, 64u << 20},
        {"4k", true, true, 4096},
        {"3G", true, true, 3u << 30},
        {"4G", true, false, 0},
        {"0x2K", true, true, 2048},
        {"M", true, false, 0},
        {"1MB", true, false, 0},
        {"1T", true, false, 0},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        uint32_t v = 0;
        bool ok = parse_u32(cases[i].text, cases[i].units, &v);
        if (ok != cases[i].ok || (ok && v != cases[i].value)) {
            t->failures++;
            print(t->out, "# \"%s\" gives %s %u\n", cases[i].text, ok ? "true" : "false", v);
        }
    }
}

TEST(str_copy_cuts)
{
    char to[4];
    EXPECT(t, str_copy(to, sizeof to, "abc"));
    EXPECT(t, strcmp(to, "abc") == 0);
    EXPECT(t, !str_copy(to, sizeof to, "abcd"));
    EXPECT(t, strcmp(to, "abc") == 0);
    EXPECT(t, str_copy(to, 1, ""));
    EXPECT(t, !str_copy(to, 1, "x"));
    EXPECT(t, strcmp(to, "") == 0);
}

TEST(parse_address_numbers)
{
    static const struct {
        const char *text;
        bool ok;
        uint32_t value;
    } cases[] = {
        {"0804a000", true, 0x0804a000},
        {"0x804a000", true, 0x0804a000},
        {"0X10", true, 0x10},
        {"10", true, 0x10},
        {"ffffffff", true, UINT32_MAX},
        {"100000000", false, 0},
        {"", false, 0},
        {"0x", false, 0},
        {"xyz", false, 0},
        {"12 ", false, 0},
        {"-1", false, 0},
        {"0000000000001", false, 0},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        uint32_t v = 0;
        EXPECT_EQ(t, parse_address(cases[i].text, &v), cases[i].ok);
        if (cases[i].ok)
            EXPECT_EQ(t, v, cases[i].value);
    }
}

static const char *listed(void)
{
    static char text[96];
    struct buffer_printer b;
    buffer_printer_init(&b, text, sizeof text);
    log_list(&b.to);
    return text;
}

TEST(log_list_is_what_log_configure_takes)
{
    uint32_t before = log_classes;
    static const char *const lists[] = {"quiet", "default", "all", "fault,evict", "boot,swap,explain"};
    for (size_t i = 0; i < ARRAY_SIZE(lists); i++) {
        EXPECT(t, log_configure(lists[i]));
        EXPECT(t, strcmp(listed(), lists[i]) == 0);
    }
    log_classes = before;
}

TEST(log_classes_from_text)
{
    EXPECT(t, log_configure("default"));
    EXPECT_EQ(t, log_classes, LOG_DEFAULT);
    EXPECT(t, log_configure("quiet"));
    EXPECT_EQ(t, log_classes, LOG_QUIET);
    EXPECT(t, log_configure("fault,evict"));
    EXPECT_EQ(t, log_classes, LOG_FAULT | LOG_EVICT | LOG_ERROR);
    EXPECT(t, log_configure("+swap"));
    EXPECT_EQ(t, log_classes, LOG_FAULT | LOG_EVICT | LOG_SWAP | LOG_ERROR);
    EXPECT(t, log_configure("-fault,-swap"));
    EXPECT_EQ(t, log_classes, LOG_EVICT | LOG_ERROR);
    EXPECT(t, log_configure("all,-sys"));
    EXPECT_EQ(t, log_classes, LOG_ALL & ~(uint32_t)LOG_SYS);
    uint32_t before = log_classes;
    static const char *const bad[] = {"faults", "fault,", "fault,nonsense", "+",
                                      "-",      ",",      "fault fault",    "+-fault"};
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        bool ok = log_configure(bad[i]);
        if (ok && strcmp(bad[i], "fault,") == 0)
            ok = !log_configure("all,-sys"); /* a comma at the end may be allowed */
        EXPECT(t, !ok);
        EXPECT_EQ(t, log_classes, before);
    }
    struct text_printer said;
    text_start(&said);
    log_describe(&said.to);
    EXPECT_HAS(t, &said, "+fault");
    EXPECT_HAS(t, &said, "-sys");
}

static uint64_t some_time(void)
{
    return 12345678;
}

TEST(log_lines_are_stamped_and_cut)
{
    log_set_clock(some_time);
    EXPECT(t, log_configure("fault"));
    log_event(LOG_SWAP, "not on");
    EXPECT_EQ(t, test_log.len, 0);
    log_event(LOG_FAULT, "event key=%d", 5);
    EXPECT_HAS(t, &test_log, "[   12.345678] event key=5\n");
    print(&log_console, "plain\n");
    EXPECT_HAS(t, &test_log, "\nplain\n");
    text_start(&test_log);
    log_event(LOG_FAULT, "%400d", 1);
    EXPECT_EQ(t, test_log.len, 255);
    EXPECT_EQ(t, test_log.text[254], '\n');
    EXPECT_EQ(t, strlen(test_log.text), 255);
}

struct item {
    int value;
    struct list_node link;
};

static int sum_in_order(struct list_node *head)
{
    int digits = 0;
    list_for_each (n, head)
        digits = digits * 10 + container_of(n, struct item, link)->value;
    return digits;
}

TEST(list_operations)
{
    struct list_node head;
    struct item a = {.value = 1}, b = {.value = 2}, c = {.value = 3};
    list_init(&head);
    list_init(&a.link);
    EXPECT(t, list_empty(&head) && !list_linked(&a.link));
    EXPECT(t, list_pop_front(&head) == NULL);
    list_push_back(&head, &b.link);
    list_push_back(&head, &c.link);
    list_push_front(&head, &a.link);
    EXPECT_EQ(t, sum_in_order(&head), 123);
    EXPECT(t, list_linked(&a.link));
    list_remove(&b.link);
    EXPECT_EQ(t, sum_in_order(&head), 13);
    EXPECT(t, !list_linked(&b.link));
    list_push_back(&c.link, &b.link); /* before c, as the clock's hand does */
    EXPECT_EQ(t, sum_in_order(&head), 123);
    EXPECT(t, list_pop_front(&head) == &a.link);
    list_for_each_safe (n, &head)
        list_remove(n);
    EXPECT(t, list_empty(&head));
}

TEST(random_is_repeatable_and_spread)
{
    uint32_t a = 1, b = 1, bins[10] = {0};
    for (int i = 0; i < 10000; i++) {
        uint32_t v = random_below(&a, 10);
        EXPECT_EQ(t, v, random_below(&b, 10));
        REQUIRE(t, v < 10 && a != 0);
        bins[v]++;
    }
    for (int i = 0; i < 10; i++)
        EXPECT(t, bins[i] > 850 && bins[i] < 1150);
}

/* Every module's console command: with no argument it succeeds, unless it needs one; with nonsense it says
 * what is legal. */
TEST(commands_of_all_modules)
{
    struct text_printer said;
    EXPECT(t, __stop_commands - __start_commands >= 7);
    for (const struct command *const *i = __start_commands; i < __stop_commands; i++) {
        char name[32], nonsense[] = "nonsense", *argv[] = {name, nonsense, nonsense, nonsense, NULL};
        str_copy(name, sizeof name, (*i)->name);
        text_start(&said);
        bool needs_one = (*i)->args[0] != '\0' && (*i)->args[0] != '[';
        EXPECT_EQ(t, (*i)->run(1, argv, &said.to) != 0, needs_one);
        EXPECT(t, said.len > 0);
        EXPECT(t, strlen((*i)->help) > 0);
        if ((*i)->args[0] == '\0')
            continue;
        text_start(&said);
        EXPECT(t, (*i)->run(2, argv, &said.to) != 0);
        EXPECT_HAS(t, &said, "expected");
    }
}
