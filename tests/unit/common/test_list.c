#include "common/list.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

struct item {
    struct list node;
    int value;
};

static void push_all(struct list *l, struct item *items, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        items[i].value = (int)i;
        list_push_back(l, &items[i].node);
    }
}

static void items_may_be_removed_while_the_list_is_walked(void **state)
{
    (void)state;
    struct list l;
    struct item items[5];
    int seen = 0;
    list_init(&l);
    push_all(&l, items, ARRAY_LEN(items));
    LIST_FOREACH (node, &l) {
        assert_int_equal(CONTAINER_OF(node, struct item, node)->value, seen++);
        list_remove(node);
        list_remove(node); /* harmless */
    }
    assert_int_equal(seen, 5);
    assert_true(list_is_empty(&l));
    assert_false(list_is_linked(&items[0].node));
}

static void splices_in_order(void **state)
{
    (void)state;
    struct list a, b;
    struct item first[2], second[2];
    list_init(&a);
    list_init(&b);
    list_splice(&a, &b);
    assert_true(list_is_empty(&a));
    push_all(&a, first, 2);
    push_all(&b, second, 2);
    list_splice(&a, &b);
    assert_true(list_is_empty(&b));
    assert_ptr_equal(a.next, &first[0].node);
    assert_ptr_equal(a.prev, &second[1].node);
    assert_ptr_equal(first[1].node.next, &second[0].node);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(items_may_be_removed_while_the_list_is_walked),
        cmocka_unit_test(splices_in_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
