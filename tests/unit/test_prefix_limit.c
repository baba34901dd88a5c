/*
 * Limits per client network: who shares a count or a bucket, what is refused, and that no number of
 * networks makes the tables grow or forget somebody who is still counted.
 */
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "base/prefix_limit.h"

enum { MINUTE_MS = 60 * 1000, HOUR_MS = 60 * MINUTE_MS };

static struct ip_address address(const char *text)
{
    struct ip_address parsed;
    assert_int_equal(ip_parse(slice_text(text), &parsed), ERR_NONE);
    return parsed;
}

/* The NUMBERth network of 2001:db8::/32. */
static struct ip_address network(uint32_t number)
{
    struct ip_address made = address("2001:db8::1");
    made.bytes[4] = (uint8_t)(number >> 16);
    made.bytes[5] = (uint8_t)(number >> 8);
    made.bytes[6] = (uint8_t)number;
    return made;
}

static enum error enter(struct prefix_counter *counter, const char *text)
{
    struct ip_address from = address(text);
    return prefix_counter_enter(counter, &from);
}

static void leave(struct prefix_counter *counter, const char *text)
{
    struct ip_address from = address(text);
    prefix_counter_leave(counter, &from);
}

static void counts_by_network(void **state UNUSED)
{
    struct prefix_counter *counter;
    assert_int_equal(prefix_counter_new(100, 2, NULL, 0, &counter), ERR_NONE);
    assert_int_equal(enter(counter, "192.0.2.1"), ERR_NONE);
    assert_int_equal(enter(counter, "192.0.2.255"), ERR_NONE);
    assert_int_equal(enter(counter, "192.0.2.7"), ERR_RATE_LIMITED);
    assert_int_equal(enter(counter, "192.0.3.1"), ERR_NONE);
    assert_int_equal(enter(counter, "::ffff:192.0.2.9"), ERR_RATE_LIMITED);
    assert_int_equal(enter(counter, "2001:db8:0:100::1"), ERR_NONE);
    assert_int_equal(enter(counter, "2001:db8:0:1ff::1"), ERR_NONE);
    assert_int_equal(enter(counter, "2001:db8:0:142::1"), ERR_RATE_LIMITED);
    assert_int_equal(enter(counter, "2001:db8:0:200::1"), ERR_NONE);
    leave(counter, "192.0.2.200");
    assert_int_equal(enter(counter, "192.0.2.1"), ERR_NONE);
    assert_int_equal(enter(counter, "192.0.2.1"), ERR_RATE_LIMITED);
    prefix_counter_free(counter);
}

static void does_not_count_the_exempt(void **state UNUSED)
{
    struct prefix_counter *counter;
    struct ip_prefix proxy;
    struct ip_address local = {.family = 0};
    assert_int_equal(ip_parse_prefix_or_address(slice_text("192.0.2.5"), &proxy), ERR_NONE);
    assert_int_equal(prefix_counter_new(10, 1, &proxy, 1, &counter), ERR_NONE);
    for (int i = 0; i < 100; i++) {
        assert_int_equal(enter(counter, "192.0.2.5"), ERR_NONE);
        assert_int_equal(prefix_counter_enter(counter, &local), ERR_NONE);
    }
    assert_int_equal(enter(counter, "192.0.2.6"), ERR_NONE);
    assert_int_equal(enter(counter, "192.0.2.6"), ERR_RATE_LIMITED);
    leave(counter, "192.0.2.5");
    assert_int_equal(enter(counter, "192.0.2.6"), ERR_RATE_LIMITED);
    prefix_counter_free(counter);
}

/* Many networks come and go at random; a plain array of counts says what is right. */
static void counts_right_while_networks_come_and_go(void **state UNUSED)
{
    enum { NETWORKS = 300, CAPACITY = 128, LIMIT = 3, ROUNDS = 200000 };
    struct prefix_counter *counter;
    uint32_t counts[NETWORKS] = {0}, held = 0, random = 1;
    assert_int_equal(prefix_counter_new(CAPACITY, LIMIT, NULL, 0, &counter), ERR_NONE);
    for (int i = 0; i < ROUNDS; i++) {
        random = random * 1664525 + 1013904223;
        uint32_t which = (random >> 8) % NETWORKS;
        struct ip_address from = network(which);
        if ((random >> 30) != 0 && counts[which] > 0) {
            prefix_counter_leave(counter, &from);
            held -= --counts[which] == 0;
            continue;
        }
        bool fits = counts[which] < LIMIT && (counts[which] > 0 || held < CAPACITY);
        assert_int_equal(prefix_counter_enter(counter, &from), fits ? ERR_NONE : ERR_RATE_LIMITED);
        held += fits && counts[which] == 0;
        counts[which] += fits;
    }
    prefix_counter_free(counter);
}

static enum error take(struct prefix_limiter *limiter, const char *text, int64_t now_ms,
                       uint32_t *retry_after_s)
{
    struct ip_address from = address(text);
    return prefix_limiter_take(limiter, &from, NULL, 0, now_ms, retry_after_s);
}

static void gives_a_burst_then_one_a_while(void **state UNUSED)
{
    struct prefix_limiter *limiter;
    uint32_t retry = 0;
    int64_t now = 5;
    assert_int_equal(prefix_limiter_new(100, (struct prefix_rate){60, 3}, &limiter), ERR_NONE);
    for (int i = 0; i < 3; i++)
        assert_int_equal(take(limiter, "192.0.2.1", now, &retry), ERR_NONE);
    assert_int_equal(take(limiter, "192.0.2.2", now, &retry), ERR_RATE_LIMITED);
    assert_int_equal(retry, 60);
    assert_int_equal(take(limiter, "198.51.100.1", now, &retry), ERR_NONE);
    assert_int_equal(take(limiter, "192.0.2.2", now + MINUTE_MS - 1, &retry), ERR_RATE_LIMITED);
    assert_int_equal(retry, 1);
    assert_int_equal(take(limiter, "192.0.2.2", now + MINUTE_MS, &retry), ERR_NONE);
    assert_int_equal(take(limiter, "192.0.2.2", now + MINUTE_MS, &retry), ERR_RATE_LIMITED);
    now += HOUR_MS; /* full again, and no fuller than that */
    for (int i = 0; i < 3; i++)
        assert_int_equal(take(limiter, "192.0.2.1", now, &retry), ERR_NONE);
    assert_int_equal(take(limiter, "192.0.2.1", now, &retry), ERR_RATE_LIMITED);
    prefix_limiter_free(limiter);
}

static void leaves_the_exempt_alone(void **state UNUSED)
{
    struct prefix_limiter *limiter;
    struct ip_prefix office;
    struct ip_address from = address("192.0.2.77");
    uint32_t retry;
    assert_int_equal(ip_parse_prefix(slice_text("192.0.2.64/26"), &office), ERR_NONE);
    assert_int_equal(prefix_limiter_new(8, (struct prefix_rate){1, 1}, &limiter), ERR_NONE);
    for (int i = 0; i < 10; i++)
        assert_int_equal(prefix_limiter_take(limiter, &from, &office, 1, 0, &retry), ERR_NONE);
    assert_int_equal(take(limiter, "192.0.2.1", 0, &retry), ERR_NONE);
    assert_int_equal(take(limiter, "192.0.2.1", 0, &retry), ERR_RATE_LIMITED);
    assert_int_equal(retry, 3600);
    prefix_limiter_free(limiter);
}

static void takes_a_new_rate(void **state UNUSED)
{
    struct prefix_limiter *limiter;
    uint32_t retry;
    assert_int_equal(prefix_limiter_new(8, (struct prefix_rate){0, 0}, &limiter), ERR_NONE);
    for (int i = 0; i < 10; i++)
        assert_int_equal(take(limiter, "192.0.2.1", 0, &retry), ERR_NONE);
    prefix_limiter_set_rate(limiter, (struct prefix_rate){1, 1000});
    for (int i = 0; i < 1000; i++)
        assert_int_equal(take(limiter, "192.0.2.1", 0, &retry), ERR_NONE);
    assert_int_equal(take(limiter, "192.0.2.1", 0, &retry), ERR_RATE_LIMITED);
    /* What was used under a slow rate does not lock anybody out for weeks under a fast one. */
    prefix_limiter_set_rate(limiter, (struct prefix_rate){3600, 2});
    assert_int_equal(take(limiter, "192.0.2.1", 0, &retry), ERR_RATE_LIMITED);
    assert_int_equal(retry, 1);
    assert_int_equal(take(limiter, "192.0.2.1", 1000, &retry), ERR_NONE);
    prefix_limiter_free(limiter);
}

/* One network is at its limit while very many others use a token each: they displace each other,
 * being nearer to full. */
static void remembers_the_limited_among_many_networks(void **state UNUSED)
{
    struct prefix_limiter *limiter;
    uint32_t retry;
    int64_t now = 0;
    assert_int_equal(prefix_limiter_new(1024, (struct prefix_rate){60, 30}, &limiter), ERR_NONE);
    for (int i = 0; i < 30; i++)
        assert_int_equal(take(limiter, "192.0.2.1", now, &retry), ERR_NONE);
    for (uint32_t i = 0; i < 100000; i++) {
        struct ip_address other = network(i);
        now += i % 1000 == 0; /* far more networks than places, and hardly any time */
        assert_int_equal(prefix_limiter_take(limiter, &other, NULL, 0, now, &retry), ERR_NONE);
    }
    assert_int_equal(take(limiter, "192.0.2.1", now, &retry), ERR_RATE_LIMITED);
    prefix_limiter_free(limiter);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counts_by_network),
        cmocka_unit_test(does_not_count_the_exempt),
        cmocka_unit_test(counts_right_while_networks_come_and_go),
        cmocka_unit_test(gives_a_burst_then_one_a_while),
        cmocka_unit_test(leaves_the_exempt_alone),
        cmocka_unit_test(takes_a_new_rate),
        cmocka_unit_test(remembers_the_limited_among_many_networks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
