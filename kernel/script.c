/* SPDX-License-Identifier: MIT
 * save, load: a session as a script. A script has one command a line; # begins a comment. */
#include "kernel/script.h"
#include "drivers/clock.h"
#include "kernel/edit.h"
#include "kernel/monitor.h"
#include "kernel/path.h"
#include "kernel/settings.h"
#include "lib/command.h"
#include "lib/string.h"
#include "mm/slab.h"
#include "mm/source.h"
#include "mm/space.h"

enum { SCRIPT_MOST = 64 * 1024, DEPTH_MOST = 4 }; /* bytes; scripts that load scripts */

static const char module_name[] = "script";

bool script_add(const void *data, uint32_t size)
{
    const unsigned char *text = data;
    for (uint32_t i = 0; i < size; i++)
        if (text[i] < ' ' && text[i] != '\n' && text[i] != '\r' && text[i] != '\t')
            return false;
    return initrd_find(module_name) == NULL && initrd_add(module_name, data, size);
}

/* ---- load ---- */

/* One line, without its newline. => its command's failure */
static int run_line(const char *text, size_t length, struct printer *out)
{
    char line[CONSOLE_LINE];
    while (length > 0 && (*text == ' ' || *text == '\t')) {
        text++;
        length--;
    }
    while (length > 0 && (text[length - 1] == ' ' || text[length - 1] == '\r' || text[length - 1] == '\t'))
        length--;
    if (length == 0 || *text == '#')
        return 0;
    if (length >= sizeof line) {
        print(out, "load: a command is longer than %u characters\n", (unsigned)sizeof line - 1);
        return 1;
    }
    memcpy(line, text, length);
    line[length] = '\0';
    return monitor_script_line(line);
}

/* => how many lines failed, each of which is named */
static uint32_t run_text(const char *name, const char *text, struct printer *out)
{
    uint32_t failed = 0;
    for (uint32_t number = 1; *text != '\0'; number++) {
        const char *end = strchr(text, '\n');
        size_t length = end != NULL ? (size_t)(end - text) : strlen(text);
        if (run_line(text, length, out) != 0) {
            print(out, "load: %s: line %u failed: %.*s\n", name, number,
                  (int)MIN(length, (size_t)CONSOLE_LINE), text);
            failed++;
        }
        text += length + (end != NULL);
    }
    return failed;
}

/* Where a script of this name is: as a path, in /tmp, among the scripts of the initrd, at its root. => false:
 * nowhere */
static bool find(const char *name, char *path, size_t size)
{
    static const char *const forms[] = {"%s", "/tmp/%s", "/scripts/%s", "/%s"};
    struct place p;
    for (size_t i = strchr(name, '/') != NULL ? 0 : 1; i < ARRAY_SIZE(forms); i++) {
        const char *rest = strchr(forms[i], '%');
        format(path, size, "%.*s%s", (int)(rest - forms[i]), forms[i], name);
        if (path_walk(&path_root, path, &p) == 0 && (p.kind == PLACE_TMP || p.kind == PLACE_INITRD))
            return true;
    }
    return false;
}

/* => the text, with a NUL at its end, for kfree; NULL after saying why not. May sleep. */
static char *read_all(const char *name, const char *path, struct printer *out)
{
    struct open_file *f;
    if (path_open(&path_root, path, O_RDONLY, 0, &f) != 0) {
        print(out, "load: %s: no memory\n", name);
        return NULL;
    }
    struct object *o = f->ops->object(f);
    uint32_t length = object_length(o);
    char *text = length <= SCRIPT_MOST ? kmalloc(length + 1) : NULL;
    if (text == NULL) {
        print(out, "load: %s: %u bytes: expected a script of at most %d\n", name, length, SCRIPT_MOST);
    } else if (object_read(o, &main_pool, 0, text, length) != VM_OK) {
        print(out, "load: %s: cannot be read\n", name);
        kfree(text);
        text = NULL;
    } else {
        text[length] = '\0';
    }
    file_unref(f);
    return text;
}

static int load_run(int argc, char **argv, struct printer *out)
{
    static uint32_t depth;
    char path[CONSOLE_LINE + 16];
    if (argc != 2) {
        print(out, "load: expected the name of a script, in /tmp or /scripts, or a path\n");
        return 1;
    }
    if (!find(argv[1], path, sizeof path)) {
        print(out, "load: %s: no such script; ls /tmp and ls /scripts list them\n", argv[1]);
        return 1;
    }
    if (depth == DEPTH_MOST) {
        print(out, "load: %s: more than %d scripts that load each other\n", argv[1], DEPTH_MOST);
        return 1;
    }
    char *text = read_all(argv[1], path, out);
    if (text == NULL)
        return 1;
    depth++;
    uint32_t failed = run_text(path, text, out);
    depth--;
    kfree(text);
    return failed > 0;
}

static void load_complete(int argc, char **argv UNUSED, struct completion *c)
{
    if (argc != 1)
        return;
    complete_files(c, "/tmp", false);
    complete_files(c, "/scripts", false);
    if (initrd_find(module_name) != NULL)
        complete_offer(c, module_name);
}

COMMAND(load, "NAME", "run a script: one command a line, # begins a comment", load_run,
        .complete = load_complete,
        .more = "  NAME is in /tmp, where save and programs write, or in /scripts of the initrd, or a path.\n"
                "  A line that fails is named, and the next one runs.\n"
                "  load tour\n"
                "  load script    what `make run SCRIPT=file` gave the kernel\n");

/* ---- save ---- */

static bool starts_with(const char *line, const char *word)
{
    size_t length = strlen(word);
    return strncmp(line, word, length) == 0 && (line[length] == ' ' || line[length] == '\0');
}

/* Commands of the session that make no sense in a script. */
static bool worth_saving(const char *line)
{
    static const char *const not_these[] = {"save", "help", "quit"};
    for (size_t i = 0; i < ARRAY_SIZE(not_these); i++)
        if (starts_with(line, not_these[i]))
            return false;
    return true;
}

static void write_script(struct printer *out)
{
    uint32_t lines = 0;
    print(out, "# Faultline: settings, then the commands of the session\n");
    settings_save(history_lost(), out); /* changes that are in the history come in their place */
    while (history_back(lines + 1) != NULL)
        lines++;
    for (; lines > 0; lines--)
        if (worth_saving(history_back(lines)))
            print(out, "%s\n", history_back(lines));
}

/* => 0 or a negative errno. May evict and sleep. */
static int32_t write_file(struct inode *i, const char *text, uint32_t length)
{
    lock_take(&i->write);
    enum vm_result r = object_resize(i->object, &main_pool, 0);
    if (r == VM_OK)
        r = object_resize(i->object, &main_pool, length);
    if (r == VM_OK)
        r = object_write(i->object, &main_pool, 0, text, length);
    i->mtime = clock_nanos();
    lock_release(&i->write);
    return r == VM_OK ? 0 : error_of(r);
}

static int save_run(int argc, char **argv, struct printer *out)
{
    if (argc != 2 || strchr(argv[1], '/') != NULL || argv[1][0] == '.') {
        print(out, "save: %s: expected a name, for a file in /tmp\n", argc > 1 ? argv[argc - 1] : "nothing");
        return 1;
    }
    uint32_t length = (uint32_t)strlen(argv[1]);
    struct inode *i = tmpfs_find(argv[1], length);
    struct buffer_printer b;
    char *text = kmalloc(SCRIPT_MOST);
    if (text == NULL || (i == NULL && tmpfs_create(argv[1], length, 0644, &i) != 0)) {
        print(out, "save: %s: no memory\n", argv[1]);
        kfree(text);
        return 1;
    }
    buffer_printer_init(&b, text, SCRIPT_MOST);
    write_script(&b.to);
    tmpfs_ref(i);
    int32_t err = write_file(i, text, (uint32_t)b.length);
    tmpfs_unref(i);
    if (err == 0)
        print(out, "%s", text);
    else
        print(out, "save: %s: no memory for %u bytes\n", argv[1], (uint32_t)b.length);
    kfree(text);
    return err != 0;
}

COMMAND(save, "NAME", "write settings and commands of this session to /tmp/NAME, a script for load", save_run,
        .more = "  What it prints can be kept in a file on the host: make run SCRIPT=file plays it again.\n");
