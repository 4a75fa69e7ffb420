/* SPDX-License-Identifier: MIT
 * mm-level: 4
 * The table of policies, and what several of them share. */
#include "mm/policy.h"
#include "lib/string.h"

const struct policy *const policy_table[] = {
#define X(p) &p,
    POLICIES(X)
#undef X
};
const uint32_t policy_count = ARRAY_SIZE(policy_table);

const struct policy *policy_find(const char *name)
{
    for (uint32_t i = 0; i < policy_count; i++)
        if (strcmp(policy_table[i]->name, name) == 0)
            return policy_table[i];
    return NULL;
}

void policy_names(struct printer *out)
{
    for (uint32_t i = 0; i < policy_count; i++)
        print(out, "%s%s", i ? " " : "", policy_table[i]->name);
}

uint32_t policy_check_queue(const struct list_node *head, const char *name, struct printer *out)
{
    uint32_t n = 0;
    for (const struct list_node *it = head->next; it != head; it = it->next, n++) {
        if (it->next->prev != it || it->prev->next != it) {
            print(out, "policy %s: queue broken at entry %u\n", name, n);
            return UINT32_MAX;
        }
    }
    return n;
}

void policy_moved(void *state UNUSED, struct frame *from, struct frame *to)
{
    list_replace(&from->link, &to->link);
    to->policy_flag = from->policy_flag;
    to->policy_word = from->policy_word;
}

void policy_dump_frame(const struct frame *f, struct printer *out)
{
    struct page_id id = policy_page(f);
    print(out, "  frame=%#x owner=%#x page=%#x accessed=%u flag=%u word=%u\n", frame_pfn(f).n, id.owner,
          id.page, policy_accessed(f), f->policy_flag, f->policy_word);
}

void policy_dump_queue(const struct list_node *head, struct printer *out)
{
    for (struct list_node *it = head->next; it != head; it = it->next)
        policy_dump_frame(policy_frame(it), out);
}
