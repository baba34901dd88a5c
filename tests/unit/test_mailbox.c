/*
 * The mailbox between threads: order, bounds, closing, and many posters at once.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <poll.h>

#include "base/attributes.h"
#include "base/mailbox.h"

enum { POSTERS = 4, LETTERS = 20000 };

struct numbered {
    struct letter letter;
    int poster, number;
};

static void letters_come_in_order_and_in_portions(void **state UNUSED)
{
    struct mailbox box;
    struct numbered letters[5];
    assert_int_equal(mailbox_init(&box, 0, false), ERR_NONE);
    for (int i = 0; i < 5; i++) {
        letters[i].number = i;
        assert_int_equal(mailbox_post(&box, &letters[i].letter), ERR_NONE);
    }
    struct letter *first = mailbox_wait(&box, 2, 0);
    assert_ptr_equal(first, &letters[0].letter);
    assert_ptr_equal(first->next, &letters[1].letter);
    assert_null(first->next->next);
    first = mailbox_take(&box, 0);
    assert_ptr_equal(first, &letters[2].letter);
    assert_ptr_equal(first->next->next, &letters[4].letter);
    assert_null(mailbox_wait(&box, 0, 1));
    mailbox_fini(&box);
}

static void a_full_or_closed_box_refuses(void **state UNUSED)
{
    struct mailbox box;
    struct numbered one = {0}, two = {0};
    assert_int_equal(mailbox_init(&box, 1, false), ERR_NONE);
    assert_int_equal(mailbox_post(&box, &one.letter), ERR_NONE);
    assert_int_equal(mailbox_post(&box, &two.letter), ERR_BUSY);
    mailbox_close(&box);
    assert_int_equal(mailbox_post(&box, &two.letter), ERR_NOT_FOUND);
    assert_int_equal(mailbox_count(&box), 1);
    assert_false(mailbox_is_closed(&box));                    /* the taker must not go yet */
    assert_ptr_equal(mailbox_wait(&box, 0, -1), &one.letter); /* what is inside still comes out */
    assert_null(mailbox_wait(&box, 0, -1));
    assert_true(mailbox_is_closed(&box));
    mailbox_fini(&box);
}

static bool is_readable(int fd)
{
    struct pollfd poll_fd = {.fd = fd, .events = POLLIN};
    return poll(&poll_fd, 1, 0) == 1;
}

static void the_event_is_readable_while_letters_wait(void **state UNUSED)
{
    struct mailbox box;
    struct numbered one = {0}, two = {0};
    assert_int_equal(mailbox_init(&box, 0, true), ERR_NONE);
    assert_false(is_readable(box.event_fd));
    assert_int_equal(mailbox_post(&box, &one.letter), ERR_NONE);
    assert_int_equal(mailbox_post(&box, &two.letter), ERR_NONE);
    assert_true(is_readable(box.event_fd));
    assert_ptr_equal(mailbox_take(&box, 1), &one.letter);
    assert_true(is_readable(box.event_fd));
    assert_ptr_equal(mailbox_take(&box, 1), &two.letter);
    assert_false(is_readable(box.event_fd));
    mailbox_fini(&box);
}

struct poster {
    struct mailbox *box;
    struct numbered *letters;
};

static void *post_all(void *context)
{
    struct poster *poster = context;
    for (int i = 0; i < LETTERS; i++) {
        if (mailbox_post(poster->box, &poster->letters[i].letter) != ERR_NONE)
            return poster;
    }
    return NULL;
}

static void nothing_is_lost_between_many_threads(void **state UNUSED)
{
    static struct numbered letters[POSTERS][LETTERS];
    struct mailbox box;
    struct poster posters[POSTERS];
    pthread_t threads[POSTERS];
    int next[POSTERS] = {0}, taken = 0;
    assert_int_equal(mailbox_init(&box, 0, false), ERR_NONE);
    for (int i = 0; i < POSTERS; i++) {
        for (int j = 0; j < LETTERS; j++)
            letters[i][j] = (struct numbered){.poster = i, .number = j};
        posters[i] = (struct poster){&box, letters[i]};
        assert_int_equal(pthread_create(&threads[i], NULL, post_all, &posters[i]), 0);
    }
    while (taken < POSTERS * LETTERS) {
        for (struct letter *at = mailbox_wait(&box, 64, -1); at != NULL; at = at->next, taken++) {
            const struct numbered *letter = (const struct numbered *)at;
            assert_int_equal(letter->number, next[letter->poster]++);
        }
    }
    for (int i = 0; i < POSTERS; i++) {
        void *result;
        pthread_join(threads[i], &result);
        assert_null(result);
    }
    mailbox_fini(&box);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(letters_come_in_order_and_in_portions),
        cmocka_unit_test(a_full_or_closed_box_refuses),
        cmocka_unit_test(the_event_is_readable_while_letters_wait),
        cmocka_unit_test(nothing_is_lost_between_many_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
