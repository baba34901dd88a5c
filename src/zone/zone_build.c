/*
 * Building one zone (see zone_build.h): records are sorted by owner and type, made into nodes, and
 * each name between an owner and the zone's becomes an empty non-terminal.
 */
#include "zone/zone_build.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "dns/protocol.h"

enum error zone_refuse(struct zone_builder *builder, size_t item, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(builder->refusal->why, sizeof(builder->refusal->why), format, arguments);
    va_end(arguments);
    builder->refusal->item = item;
    return ERR_CONFIG;
}

enum error zone_add_record(struct zone_builder *builder, struct slice owner, uint16_t type,
                           uint32_t ttl, struct slice rdata, size_t line)
{
    struct record *record = arena_alloc_array(builder->memory, 1, sizeof(*record));
    const uint8_t *owner_copy = arena_copy(builder->memory, owner);
    const uint8_t *rdata_copy = arena_copy(builder->memory, rdata);
    if (record == NULL || owner_copy == NULL || rdata_copy == NULL)
        return ERR_MEMORY;
    *record = (struct record){.next = builder->records,
                              .owner = slice_of(owner_copy, owner.length),
                              .rdata = slice_of(rdata_copy, rdata.length),
                              .ttl = ttl,
                              .type = type,
                              .line = line};
    builder->records = record;
    builder->record_count++;
    return ERR_NONE;
}

static int compare_slices(struct slice a, struct slice b)
{
    size_t shorter = a.length < b.length ? a.length : b.length;
    int order = shorter == 0 ? 0 : memcmp(a.data, b.data, shorter);
    if (order != 0)
        return order;
    return (a.length > b.length) - (a.length < b.length);
}

/* By owner, type, line: the order inside an RRset stays the operator's. */
static int compare_records(const void *left, const void *right)
{
    const struct record *a = *(const struct record *const *)left;
    const struct record *b = *(const struct record *const *)right;
    int order = compare_slices(a->owner, b->owner);
    if (order != 0)
        return order;
    if (a->type != b->type)
        return a->type < b->type ? -1 : 1;
    return (a->line > b->line) - (a->line < b->line);
}

/* The zone's records in order. The list has the newest first; nameservers, all of line 0, keep the
 * order of their setting as far as the sort is stable, which is a courtesy, not a rule. */
static struct record **sort_records(const struct zone_builder *builder)
{
    struct record **sorted =
        arena_alloc_array(builder->memory, builder->record_count, sizeof(struct record *));
    if (sorted == NULL)
        return NULL;
    size_t i = builder->record_count;
    for (struct record *record = builder->records; record != NULL; record = record->next)
        sorted[--i] = record;
    qsort(sorted, builder->record_count, sizeof(struct record *), compare_records);
    return sorted;
}

static bool is_repeated(struct record *const *records, size_t before)
{
    for (size_t i = 0; i < before; i++) {
        if (slice_equal(records[i]->rdata, records[before]->rdata))
            return true;
    }
    return false;
}

/* Makes one RRset of COUNT records of one owner and type. Records that are there twice count once;
 * different TTLs become the lowest (RFC 2181, section 5.2). */
static enum error build_rrset(struct zone_builder *builder, struct record *const *records,
                              size_t count, struct rrset *out)
{
    size_t size = 0;
    for (size_t i = 0; i < count; i++)
        size += 2 + records[i]->rdata.length;
    uint8_t *rdata = arena_alloc_array(builder->memory, 1, size);
    if (rdata == NULL)
        return ERR_MEMORY;
    struct writer writer = writer_of(rdata, size);
    struct rrset rrset = {.type = records[0]->type, .ttl = records[0]->ttl, .rdata = rdata};
    for (size_t i = 0; i < count; i++) {
        if (records[i]->ttl < rrset.ttl)
            rrset.ttl = records[i]->ttl;
        if (is_repeated(records, i))
            continue;
        write_u16(&writer, (uint16_t)records[i]->rdata.length);
        write_bytes(&writer, records[i]->rdata);
        rrset.count++;
    }
    rrset.length = (uint32_t)writer_length(&writer);
    if (rrset.length > DNS_MESSAGE_MAX / 2)
        return zone_refuse(builder, records[0]->line,
                           "the records of one name and type are too many for one answer");
    *out = rrset;
    return ERR_NONE;
}

/* Where NAME is, or belongs. The table is never full. */
static const struct node **node_slot(const struct zone *zone, struct slice name)
{
    uint64_t at = dns_name_hash(name) & zone->mask;
    while (zone->slots[at] != NULL && !slice_equal(zone->slots[at]->name, name))
        at = (at + 1) & zone->mask;
    return &zone->slots[at];
}

const struct node *zone_find_node(const struct zone *zone, struct slice name)
{
    return *node_slot(zone, name);
}

const struct rrset *node_find(const struct node *node, uint16_t type)
{
    for (size_t i = 0; i < node->rrset_count; i++) {
        if (node->rrsets[i].type == type)
            return &node->rrsets[i];
    }
    return NULL;
}

/* The node for NAME, made if it is not there; it can still be changed. NULL: no memory. */
static struct node *put_node(struct zone_builder *builder, struct slice name)
{
    const struct node **slot = node_slot(builder->zone, name);
    if (*slot == NULL) {
        struct node *node = arena_alloc_array(builder->memory, 1, sizeof(*node));
        if (node == NULL)
            return NULL;
        node->name = name;
        *slot = node;
    }
    return (struct node *)(uintptr_t)*slot;
}

/* NAME without its first label. */
static struct slice parent_of(struct slice name)
{
    return slice_from(name, (size_t)name.data[0] + 1);
}

/* Makes the names between NAME and the zone's own. */
static enum error put_parents(struct zone_builder *builder, struct slice name)
{
    while (name.length > builder->zone->name.length) {
        name = parent_of(name);
        if (put_node(builder, name) == NULL)
            return ERR_MEMORY;
    }
    return ERR_NONE;
}

static size_t last_line(struct record *const *records, size_t count)
{
    size_t line = 0;
    for (size_t i = 0; i < count; i++) {
        if (records[i]->line > line)
            line = records[i]->line;
    }
    return line;
}

/* Makes the node of COUNT records, all of one owner. */
static enum error build_node(struct zone_builder *builder, struct record *const *records,
                             size_t count)
{
    struct node *node = put_node(builder, records[0]->owner);
    struct rrset *rrsets = arena_alloc_array(builder->memory, count, sizeof(*rrsets));
    if (node == NULL || rrsets == NULL)
        return ERR_MEMORY;
    for (size_t i = 0, end; i < count; i = end) {
        for (end = i + 1; end < count && records[end]->type == records[i]->type;)
            end++;
        enum error error = build_rrset(builder, records + i, end - i, &rrsets[node->rrset_count]);
        if (error != ERR_NONE)
            return error;
        node->rrset_count++;
    }
    node->rrsets = rrsets;
    const struct rrset *cname = node_find(node, DNS_TYPE_CNAME);
    if (cname != NULL && (node->rrset_count > 1 || cname->count > 1))
        return zone_refuse(
            builder, last_line(records, count),
            "a name with a CNAME can't have other records (RFC 1034, section 3.6.2)");
    return put_parents(builder, records[0]->owner);
}

static enum error build_table(struct zone_builder *builder)
{
    uint64_t nodes = 1;
    for (size_t i = 0; i < builder->set->count; i++) /* put_parents_of_zones() */
        nodes += builder->set->zones[i].labels;
    for (const struct record *record = builder->records; record != NULL; record = record->next) {
        for (struct slice name = record->owner; name.length > builder->zone->name.length;
             name = parent_of(name))
            nodes++;
    }
    uint64_t size = 16;
    while (size < 2 * nodes)
        size *= 2;
    builder->zone->slots = arena_alloc_array(builder->memory, size, sizeof(struct node *));
    builder->zone->mask = size - 1;
    return builder->zone->slots == NULL ? ERR_MEMORY : ERR_NONE;
}

/* A zone of ours below this one makes the names between them exist. */
static enum error put_parents_of_zones(struct zone_builder *builder)
{
    for (size_t i = 0; i < builder->set->count; i++) {
        const struct zone *other = &builder->set->zones[i];
        struct reader reader = reader_of(other->name);
        struct dns_name name;
        if (!dns_name_read(&reader, &name))
            return ERR_INTERNAL;
        if (!dns_name_is_under(&name, builder->zone->name))
            continue;
        enum error error = put_parents(builder, other->name);
        if (error != ERR_NONE)
            return error;
    }
    return ERR_NONE;
}

enum error zone_build_nodes(struct zone_builder *builder)
{
    struct record **records = sort_records(builder);
    if (records == NULL)
        return ERR_MEMORY;
    enum error error = build_table(builder);
    for (size_t i = 0, end; error == ERR_NONE && i < builder->record_count; i = end) {
        for (end = i + 1;
             end < builder->record_count && slice_equal(records[end]->owner, records[i]->owner);)
            end++;
        error = build_node(builder, records + i, end - i);
    }
    if (error == ERR_NONE)
        error = put_parents_of_zones(builder);
    if (error == ERR_NONE && (builder->zone->apex = put_node(builder, builder->zone->name)) == NULL)
        error = ERR_MEMORY;
    return error;
}
