/* SPDX-License-Identifier: MIT
 * Intrusive circular doubly linked list. The head is a node too; an empty list points at itself. Nodes
 * that are on no list are self-linked (list_init), so that list_linked tells. */
#ifndef LIB_LIST_H
#define LIB_LIST_H

#include "lib/types.h"

struct list_node {
    struct list_node *prev, *next;
};

static inline void list_init(struct list_node *n)
{
    n->prev = n->next = n;
}

static inline bool list_empty(const struct list_node *head)
{
    return head->next == head;
}

static inline bool list_linked(const struct list_node *n)
{
    return n->next != n;
}

static inline void list_insert_between(struct list_node *n, struct list_node *prev, struct list_node *next)
{
    n->prev = prev;
    n->next = next;
    prev->next = n;
    next->prev = n;
}

/* Puts n first. => n must be on no list. */
static inline void list_push_front(struct list_node *head, struct list_node *n)
{
    list_insert_between(n, head, head->next);
}

/* Puts n last. => n must be on no list. */
static inline void list_push_back(struct list_node *head, struct list_node *n)
{
    list_insert_between(n, head->prev, head);
}

/* Takes n off its list and leaves it self-linked. */
static inline void list_remove(struct list_node *n)
{
    n->prev->next = n->next;
    n->next->prev = n->prev;
    list_init(n);
}

/* `to`, which is on no list, takes the place of n. n is left self-linked. */
static inline void list_replace(struct list_node *n, struct list_node *to)
{
    list_insert_between(to, n, n->next);
    list_remove(n);
}

/* First node, taken off. => NULL if the list is empty. */
static inline struct list_node *list_pop_front(struct list_node *head)
{
    struct list_node *n = head->next;
    if (n == head)
        return NULL;
    list_remove(n);
    return n;
}

#define list_for_each(it, head) for (struct list_node *it = (head)->next; it != (head); it = it->next)

/* The body may remove `it`. */
#define list_for_each_safe(it, head)                                               \
    for (struct list_node *it = (head)->next, *it##_next = it->next; it != (head); \
         it = it##_next, it##_next = it->next)

#endif
