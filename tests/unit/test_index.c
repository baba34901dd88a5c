/*
 * The index: what change records do to it, its growth, and readers beside the applying thread. Run
 * under ThreadSanitizer as well.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <sodium.h>
#include <stdio.h>
#include <urcu/urcu-qsbr.h>

#include "zone/index.h"

enum { ZONE = 3 };

static struct change on(enum change_kind kind, uint64_t delegate, const char *label)
{
    return (struct change){
        .kind = kind, .zone = ZONE, .delegate = delegate, .label = slice_text(label)};
}

static void apply(struct index *index, const struct change *change)
{
    assert_int_equal(index_apply(index, change), ERR_NONE);
}

static const struct delegate *find(const struct index *index, const char *label)
{
    struct slice name = slice_text(label);
    return index_find(index, index_hash(index, ZONE, name), ZONE, name);
}

static void add(struct index *index, uint64_t id, const char *label)
{
    const struct change change = on(CHANGE_DELEGATE_ADDED, id, label);
    apply(index, &change);
}

/* COUNT values; the I-th is 43 times the letter FIRST + I. */
static void set_values(struct index *index, const char *label, uint64_t sequence, uint32_t count,
                       char first)
{
    struct change change = on(CHANGE_VALUES_SET, 1, label);
    change.sequence = sequence;
    change.value_count = count;
    for (uint32_t i = 0; i < count; i++) {
        memset(change.values[i].text, first + (int)i, ACME_TXT_LENGTH);
        change.values[i].sequence = sequence + i;
        change.values[i].added_ms = 1000 + (int64_t)i;
    }
    apply(index, &change);
}

static struct index *new_index(size_t delegates)
{
    struct index *index;
    assert_int_equal(index_new(delegates, &index), ERR_NONE);
    return index;
}

static void a_delegate_is_found_by_zone_and_label(void **state UNUSED)
{
    struct index *index = new_index(0);
    struct slice label = slice_text("alpha");
    add(index, 7, "alpha");
    assert_non_null(find(index, "alpha"));
    assert_int_equal(find(index, "alpha")->id, 7);
    assert_null(find(index, "beta"));
    assert_null(index_find(index, index_hash(index, ZONE + 1, label), ZONE + 1, label));
    add(index, 7, "alpha"); /* twice does no harm */
    assert_int_equal(index_delegates(index), 1);
    index_free(index);
}

static void values_are_prebuilt_records(void **state UNUSED)
{
    static const uint8_t head[] = {0xc0, 12, 0, 16, 0, 1, 0, 0, 0, 0, 0, 44, 43};
    struct index *index = new_index(0);
    add(index, 1, "alpha");
    assert_false(delegate_is_used(find(index, "alpha")));
    set_values(index, "alpha", 10, 3, 'a');
    const struct value_set *set = delegate_values(find(index, "alpha"));
    assert_true(delegate_is_used(find(index, "alpha")));
    assert_int_equal(set->count, 3);
    assert_int_equal(set->wire_length, 3 * TXT_RR_LENGTH);
    for (uint32_t i = 0; i < 3; i++) {
        assert_memory_equal(set->wire + i * TXT_RR_LENGTH, head, sizeof(head));
        assert_int_equal(value_text(set, i).data[42], 'a' + i);
        assert_int_equal(value_mark(set, i).sequence, 10 + i);
        assert_int_equal(value_mark(set, i).added_ms, 1000 + i);
    }
    set_values(index, "alpha", 20, 0, 'a');
    assert_null(delegate_values(find(index, "alpha")));
    index_free(index);
}

static struct change key_change(enum change_kind kind, uint8_t id, const char *allowfrom)
{
    struct change change = on(kind, 1, "alpha");
    memset(change.key_id, id, sizeof(change.key_id));
    memset(change.hash, id + 1, sizeof(change.hash));
    change.allowfrom = slice_text(allowfrom);
    return change;
}

static void keys_come_change_and_go(void **state UNUSED)
{
    struct index *index = new_index(0);
    uint8_t id[16];
    memset(id, 5, sizeof(id));
    add(index, 1, "alpha");
    struct change set = key_change(CHANGE_KEY_SET, 5, "10.0.0.0/8 2001:db8::/32");
    apply(index, &set);
    const struct api_key *key = index_find_key(index, id);
    assert_ptr_equal(key->delegate, find(index, "alpha"));
    assert_int_equal(key->secret_hash[0], 6);
    assert_int_equal(key->allowfrom->count, 2);
    set.allowfrom = slice_text("");
    apply(index, &set);
    assert_null(index_find_key(index, id)->allowfrom);
    assert_int_equal(index_keys(index), 1);
    set.allowfrom = slice_text("nonsense");
    assert_int_equal(index_apply(index, &set), ERR_MALFORMED);

    struct change removed = on(CHANGE_DELEGATE_REMOVED, 1, "alpha");
    assert_int_equal(index_apply(index, &removed), ERR_MALFORMED); /* a key still points there */
    struct change gone = key_change(CHANGE_KEY_REMOVED, 5, "");
    apply(index, &gone);
    assert_null(index_find_key(index, id));
    apply(index, &removed);
    assert_null(find(index, "alpha"));
    apply(index, &removed);
    assert_int_equal(index_delegates(index), 0);
    index_free(index);
}

static void tokens_are_known_until_removed(void **state UNUSED)
{
    struct index *index = new_index(0);
    struct change one = {.kind = CHANGE_TOKEN_SET, .hash = {1}};
    struct change two = {.kind = CHANGE_TOKEN_SET, .hash = {2}};
    assert_false(index_has_token(index, one.hash));
    apply(index, &one);
    apply(index, &two);
    apply(index, &two);
    one.kind = CHANGE_TOKEN_REMOVED;
    apply(index, &one);
    assert_false(index_has_token(index, one.hash));
    assert_true(index_has_token(index, two.hash));
    index_free(index);
}

static void it_grows_and_forgets_removed_slots(void **state UNUSED)
{
    struct index *index = new_index(10);
    char label[32];
    for (uint64_t round = 0; round < 3; round++) {
        for (uint64_t i = 0; i < 5000; i++) {
            snprintf(label, sizeof(label), "label-%d", (int)i);
            add(index, i, label);
        }
        for (uint64_t i = 0; i < 5000; i++) {
            snprintf(label, sizeof(label), "label-%d", (int)i);
            assert_non_null(find(index, label));
            struct change removed = on(CHANGE_DELEGATE_REMOVED, i, label);
            if (i % 2 == 0 || round == 2)
                apply(index, &removed);
            index_reclaim(index);
        }
    }
    assert_int_equal(index_delegates(index), 0);
    index_free(index);
}

static void labels_of_every_length_are_kept(void **state UNUSED)
{
    struct index *index = new_index(0);
    char label[DNS_LABEL_MAX + 1];
    for (size_t length = 1; length <= DNS_LABEL_MAX; length++) {
        memset(label, 'x', length);
        label[length] = '\0';
        add(index, length, label);
        set_values(index, label, length, 1, 'k');
    }
    for (size_t length = 1; length <= DNS_LABEL_MAX; length++) {
        memset(label, 'x', length);
        label[length] = '\0';
        assert_int_equal(find(index, label)->id, length);
        struct change removed = on(CHANGE_DELEGATE_REMOVED, length, label);
        apply(index, &removed);
    }
    index_free(index);
}

/* ---- readers beside the applying thread ---- */

enum { SHARED = 64, UPDATES = 20000 };

struct reading {
    struct index *index;
    _Atomic bool stop;
    _Atomic uint64_t seen;
};

/* Whatever set a reader finds is whole: all its letters are of one set. */
static void *read_all_the_time(void *context)
{
    struct reading *reading = context;
    uint64_t bad = 0;
    urcu_qsbr_register_thread();
    while (!atomic_load(&reading->stop)) {
        for (int i = 0; i < SHARED; i++) {
            char label[16];
            snprintf(label, sizeof(label), "d%d", i);
            const struct delegate *delegate = find(reading->index, label);
            const struct value_set *set = delegate == NULL ? NULL : delegate_values(delegate);
            for (uint32_t j = 0; set != NULL && j < set->count; j++)
                bad += value_text(set, j).data[0] != value_text(set, 0).data[0] + (int)j;
            atomic_fetch_add(&reading->seen, set != NULL);
        }
        urcu_qsbr_quiescent_state();
    }
    urcu_qsbr_unregister_thread();
    return (void *)(uintptr_t)bad;
}

static void readers_see_whole_sets_while_changes_are_applied(void **state UNUSED)
{
    struct reading reading = {.index = new_index(0)};
    pthread_t threads[2];
    char label[16];
    for (int i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, read_all_the_time, &reading), 0);
    for (uint64_t i = 0; i < UPDATES || atomic_load(&reading.seen) < 1000; i++) {
        snprintf(label, sizeof(label), "d%d", (int)(i % SHARED));
        add(reading.index, i % SHARED, label);
        set_values(reading.index, label, i, (uint32_t)(i % 4), (char)('a' + i % 20));
        snprintf(label, sizeof(label), "other%d", (int)(i % 5000));
        add(reading.index, 1000 + i, label); /* makes the table grow under the readers */
        index_reclaim(reading.index);
    }
    atomic_store(&reading.stop, true);
    for (int i = 0; i < 2; i++) {
        void *bad;
        pthread_join(threads[i], &bad);
        assert_null(bad);
    }
    index_free(reading.index);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_delegate_is_found_by_zone_and_label),
        cmocka_unit_test(values_are_prebuilt_records),
        cmocka_unit_test(keys_come_change_and_go),
        cmocka_unit_test(tokens_are_known_until_removed),
        cmocka_unit_test(it_grows_and_forgets_removed_slots),
        cmocka_unit_test(labels_of_every_length_are_kept),
        cmocka_unit_test(readers_see_whole_sets_while_changes_are_applied),
    };
    if (sodium_init() < 0)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
